package io.headrace.delta;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Whether a store honours the condition that commits rely on. Each is asked once in the life of a JVM. */
final class Conditions {
    private static final Set<URI> HONOURED = new HashSet<>();
    private static final byte[] CONTENT = "Headrace tries conditional writes with this object.\n".getBytes(StandardCharsets.UTF_8);

    private Conditions() {}

    /**
     * Create an object in the folder twice, unless the folder's store has passed this before. The second attempt must be refused.
     *
     * @throws IOException the store created it twice, or cannot be asked
     */
    static void require(FileSystem store, Path folder) throws IOException {
        synchronized (HONOURED) {
            if (HONOURED.contains(store.getUri())) {
                return;
            }
            Path probe = new Path(folder, ".headrace-probe-" + UUID.randomUUID());
            new ExclusivePut(store, probe, CONTENT).run();
            boolean refused = isRefused(store, probe);
            store.delete(probe, false);
            if (!refused) {
                throw new IOException("the store of " + store.getUri() + " ignores If-None-Match: it created " + probe
                        + " twice. Two drivers could overwrite each other's commits there, so nothing was committed. "
                        + "Use a store with conditional writes, such as Amazon S3");
            }
            HONOURED.add(store.getUri());
        }
    }

    private static boolean isRefused(FileSystem store, Path probe) throws IOException {
        try {
            new ExclusivePut(store, probe, CONTENT).run();
            return false;
        } catch (FileAlreadyExistsException refused) {
            return true;
        }
    }
}
