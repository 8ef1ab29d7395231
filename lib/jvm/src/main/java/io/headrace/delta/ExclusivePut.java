package io.headrace.delta;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.util.UUID;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * Creates one object on a condition that S3 checks: that no object has its name.
 *
 * <p>A failure does not say whether the object was created: its reply may be lost, and S3A and the SDK repeat requests, so that
 * a request can be refused because of its own predecessor. So each write carries an id of its own in the object's metadata,
 * and after a failure the id that is found there decides. All attempts of a write carry the same id: an attempt that arrives
 * late can only refuse the next one, which then finds its own id.
 */
final class ExclusivePut {
    private static final String CONDITION = "fs.option.create.conditional.overwrite";
    private static final String WITHOUT_LOOKING_FIRST = "fs.s3a.create.performance";
    private static final String ID = "headrace-write";
    private static final String SET_ID = "fs.s3a.create.header." + ID;
    private static final String GET_ID = "header." + ID;

    private final FileSystem store;
    private final Path path;
    private final byte[] content;
    private final String id = UUID.randomUUID().toString();

    ExclusivePut(FileSystem store, Path path, byte[] content) {
        this.store = store;
        this.path = path;
        this.content = content;
    }

    /**
     * Create the object.
     *
     * @throws FileAlreadyExistsException another write created it
     * @throws IOException S3 refused it for good, or did not answer within {@link Patience#BOUND}; in the latter case it may have
     *     been created
     */
    void run() throws IOException {
        Patience patience = new Patience(Patience.BOUND);
        while (true) {
            try {
                send();
                return;
            } catch (IOException failure) {
                if (isInterrupt(failure)) {
                    throw failure;
                }
                if (isOurs(failure)) {
                    return;
                }
                if (!mayPass(failure) || !patience.pause()) {
                    throw failure;
                }
            }
        }
    }

    private void send() throws IOException {
        FSDataOutputStreamBuilder<?, ?> creation = store.createFile(path);
        creation.recursive();
        creation.overwrite(true); // else S3A looks for the object itself, before it writes
        creation.must(CONDITION, true);
        creation.opt(WITHOUT_LOOKING_FIRST, true);
        creation.opt(SET_ID, id);
        Uploads.complete(creation.build(), content);
    }

    /**
     * Whether the object that is there now was created by this write. False also if none is there, or S3 does not say.
     *
     * @throws FileAlreadyExistsException another write created it
     */
    private boolean isOurs(IOException failure) throws IOException {
        byte[] found;
        try {
            found = store.getXAttr(path, GET_ID);
        } catch (FileNotFoundException absent) {
            return false;
        } catch (IOException unanswered) {
            failure.addSuppressed(unanswered);
            return false;
        }
        if (found != null && id.equals(new String(found, StandardCharsets.UTF_8))) {
            return true;
        }
        FileAlreadyExistsException lost = new FileAlreadyExistsException(path.toString());
        lost.initCause(failure);
        throw lost;
    }

    private static boolean isInterrupt(IOException failure) {
        return failure instanceof InterruptedIOException && !(failure instanceof SocketTimeoutException);
    }

    /** Whether the same request may succeed later: on 409, 412, throttling, a server's error, or a broken connection. */
    private static boolean mayPass(IOException failure) {
        if (failure instanceof AccessDeniedException) {
            return false;
        }
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof AwsServiceException answer) {
                return isPassing(answer.statusCode());
            }
            if (cause instanceof SdkException) {
                return true;
            }
        }
        return false;
    }

    private static boolean isPassing(int status) {
        return switch (status) {
            case 408, 409, 412, 429 -> true;
            case 501 -> false; // the store does not know the condition, and never will
            default -> status >= 500;
        };
    }
}
