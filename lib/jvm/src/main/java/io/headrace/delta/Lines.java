package io.headrace.delta;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;

/** The content of a file of the log. */
final class Lines {
    private Lines() {}

    /** The actions, one a line. They are kept in memory, because a write may have to be sent again. */
    static byte[] bytes(Iterator<String> actions) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        actions.forEachRemaining(action -> content.writeBytes((action + "\n").getBytes(StandardCharsets.UTF_8)));
        return content.toByteArray();
    }
}
