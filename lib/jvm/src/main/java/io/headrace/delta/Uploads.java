package io.headrace.delta;

import java.io.IOException;
import org.apache.hadoop.fs.FSDataOutputStream;

/** Objects that are uploaded whole or not at all. */
final class Uploads {
    private Uploads() {}

    /** Write the content and complete the upload. If the content cannot be written, closing would upload a part of it. */
    static void complete(FSDataOutputStream out, byte[] content) throws IOException {
        try {
            out.write(content);
        } catch (IOException | RuntimeException incomplete) {
            out.abort();
            throw incomplete;
        }
        out.close();
    }
}
