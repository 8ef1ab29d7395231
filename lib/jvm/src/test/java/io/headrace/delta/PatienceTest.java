package io.headrace.delta;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The pauses between attempts. */
class PatienceTest {
    @Test
    void attemptsEndAtTheBound() throws IOException {
        Patience patience = new Patience(Duration.ofMillis(300));
        long began = System.nanoTime();
        int attempts = 1;
        while (patience.pause()) {
            attempts++;
        }
        assertTrue(attempts >= 3 && attempts <= 6, attempts + " attempts");
        assertTrue(System.nanoTime() - began < Duration.ofSeconds(2).toNanos());
    }

    @Test
    void anInterruptEndsAPause() throws IOException {
        Thread.currentThread().interrupt();
        assertThrows(InterruptedIOException.class, () -> new Patience(Patience.BOUND).pause());
        assertTrue(Thread.interrupted());
    }

    @Test
    void withoutTimeLeftThereIsNoPause() throws IOException {
        assertFalse(new Patience(Duration.ZERO).pause());
        assertEquals(Duration.ofMinutes(2), Patience.BOUND);
    }
}
