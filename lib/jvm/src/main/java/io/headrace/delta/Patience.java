package io.headrace.delta;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** The pauses between the attempts of one write: each may be twice as long as the one before, and together they are bounded. */
final class Patience {
    /** No attempt starts later than this after the first one. S3A's own repetitions count, too. */
    static final Duration BOUND = Duration.ofMinutes(2);

    static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

    private final long deadline;
    private long pause = FIRST_PAUSE.toMillis();

    Patience(Duration bound) {
        deadline = System.nanoTime() + bound.toNanos();
    }

    /**
     * Sleep for a random part of the next pause, so that writers that failed together do not return together.
     *
     * @return whether another attempt is allowed
     */
    boolean pause() throws InterruptedIOException {
        if (System.nanoTime() >= deadline) {
            return false;
        }
        try {
            Thread.sleep(ThreadLocalRandom.current().nextLong(pause / 2, pause + 1));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted between two attempts to write to the log");
        }
        pause = Math.min(2 * pause, LONGEST_PAUSE.toMillis());
        return true;
    }
}
