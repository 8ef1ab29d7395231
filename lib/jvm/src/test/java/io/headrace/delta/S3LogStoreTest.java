package io.headrace.delta;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.delta.storage.CloseableIterator;
import io.headrace.delta.FaultyProxy.Fate;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The log store on a real S3 server, and behind a proxy that breaks what passes. */
class S3LogStoreTest {
    private final List<FaultyProxy> proxies = new ArrayList<>();
    private final Configuration direct = Store.conf("http://127.0.0.1:" + Store.PORT);
    private String bucket;

    @BeforeEach
    void makeBucket() throws IOException {
        bucket = Store.bucket();
    }

    @AfterEach
    void stop() throws IOException {
        for (FaultyProxy proxy : proxies) {
            proxy.close();
        }
        FileSystem.closeAll();
    }

    private Path version(int number) {
        return Store.version(bucket, number);
    }

    /** Behind a proxy that judges requests for the log's versions, and lets others pass. */
    private Configuration behind(Function<String, Fate> judge) throws IOException {
        FaultyProxy proxy = new FaultyProxy(Store.PORT, text -> text.contains(".json ") ? judge.apply(text) : Fate.PASS);
        proxies.add(proxy);
        FileSystem.closeAll(); // else the bucket's file system goes on without the proxy
        return Store.conf(proxy.address());
    }

    private static void write(Configuration conf, Path path, String... lines) throws IOException {
        new S3LogStore(conf).write(path, List.of(lines).iterator(), false, conf);
    }

    private static List<String> read(Configuration conf, Path path) throws IOException {
        List<String> lines = new ArrayList<>();
        try (CloseableIterator<String> found = new S3LogStore(conf).read(path, conf)) {
            found.forEachRemaining(lines::add);
        }
        return lines;
    }

    private static Function<String, Fate> firstPuts(int count, Fate fate) {
        AtomicInteger left = new AtomicInteger(count);
        return text -> text.startsWith("PUT") && left.getAndDecrement() > 0 ? fate : Fate.PASS;
    }

    @Test
    void aVersionIsReadAsItWasWritten() throws IOException {
        write(direct, version(0), "{\"a\":1}", "{\"b\":\"é\"}");
        assertEquals(List.of("{\"a\":1}", "{\"b\":\"é\"}"), read(direct, version(0)));
    }

    @Test
    void aVersionThatExistsIsNotWrittenAgain() throws IOException {
        write(direct, version(0), "first");
        assertThrows(FileAlreadyExistsException.class, () -> write(direct, version(0), "second"));
        assertThrows(FileAlreadyExistsException.class, () -> write(direct, version(0), "first"));
        assertEquals(List.of("first"), read(direct, version(0)));
    }

    @Test
    void aVersionThatAnotherKindOfStoreWroteIsNotWrittenAgain() throws IOException {
        Uploads.complete(version(0).getFileSystem(direct).create(version(0)), "first\n".getBytes(StandardCharsets.UTF_8));
        assertThrows(FileAlreadyExistsException.class, () -> write(direct, version(0), "second"));
        assertEquals(List.of("first"), read(direct, version(0)));
    }

    @Test
    void anOverwriteReplacesAFile() throws IOException {
        write(direct, version(0), "first");
        new S3LogStore(direct).write(version(0), List.of("second").iterator(), true, direct);
        assertEquals(List.of("second"), read(direct, version(0)));
    }

    @Test
    void ofThirtyTwoWritersExactlyOneCreatesEachVersion() throws Exception {
        ExecutorService writers = Executors.newFixedThreadPool(32);
        for (int number = 0; number < 5; number++) {
            Path path = version(number);
            List<Callable<String>> attempts = new ArrayList<>();
            for (int writer = 0; writer < 32; writer++) {
                String line = "writer " + writer;
                attempts.add(() -> {
                    write(direct, path, line);
                    return line;
                });
            }
            List<String> told = new ArrayList<>();
            for (Future<String> attempt : writers.invokeAll(attempts)) {
                try {
                    told.add(attempt.get());
                } catch (ExecutionException failure) {
                    assertTrue(failure.getCause() instanceof FileAlreadyExistsException, () -> "" + failure.getCause());
                }
            }
            assertEquals(1, told.size());
            assertEquals(told, read(direct, path));
        }
        writers.shutdown();
    }

    @Test
    void aWriteWhoseReplyIsLostSucceedsOnce() throws IOException {
        write(behind(firstPuts(1, Fate.LOSE_REPLY)), version(0), "mine");
        assertEquals(List.of("mine"), read(direct, version(0)));
    }

    @Test
    void aWriteWhoseReplyIsLostSucceedsOnceWithoutRepetitionsOfS3A() throws IOException {
        write(Store.impatient(behind(firstPuts(1, Fate.LOSE_REPLY))), version(0), "mine");
        assertEquals(List.of("mine"), read(direct, version(0)));
    }

    @Test
    void aRefusalWhoseReplyIsLostRemainsARefusal() throws IOException {
        write(direct, version(0), "another's");
        Configuration conf = behind(firstPuts(1, Fate.LOSE_REPLY));
        assertThrows(FileAlreadyExistsException.class, () -> write(conf, version(0), "mine"));
        assertEquals(List.of("another's"), read(direct, version(0)));
    }

    @Test
    void aConflictingRequestInFlightIsSentAgain() throws IOException {
        write(behind(firstPuts(4, Fate.answer(409, "ConditionalRequestConflict"))), version(0), "mine");
        assertEquals(List.of("mine"), read(direct, version(0)));
    }

    @Test
    void aStoreThatAsksToSlowDownIsAskedAgain() throws IOException {
        write(Store.impatient(behind(firstPuts(8, Fate.answer(503, "SlowDown")))), version(0), "mine");
        assertEquals(List.of("mine"), read(direct, version(0)));
    }

    @Test
    void aLostReplyAmongServerErrorsSucceedsOnce() throws IOException {
        AtomicInteger puts = new AtomicInteger();
        Configuration conf = behind(text -> switch (text.startsWith("PUT") ? puts.getAndIncrement() : 9) {
            case 0, 2 -> Fate.answer(500, "InternalError");
            case 1 -> Fate.LOSE_REPLY;
            default -> Fate.PASS;
        });
        write(conf, version(0), "mine");
        assertEquals(List.of("mine"), read(direct, version(0)));
    }

    @Test
    void aRefusalForGoodIsNotRepeated() throws IOException {
        AtomicInteger puts = new AtomicInteger();
        Configuration conf = behind(text -> {
            puts.incrementAndGet();
            return Fate.answer(403, "AccessDenied");
        });
        assertThrows(java.nio.file.AccessDeniedException.class, () -> write(conf, version(0), "mine"));
        assertTrue(puts.get() <= 2, puts + " requests");
    }

    @Test
    void aStoreThatIgnoresConditionsIsRefusedBeforeTheFirstCommit() throws IOException {
        FaultyProxy ignoring = new FaultyProxy(Store.PORT, text -> {
            if (text.toLowerCase().contains("if-none-match")) {
                deleteObjectOf(text); // so that the server finds the condition met
            }
            return Fate.PASS;
        });
        proxies.add(ignoring);
        Configuration conf = Store.conf(ignoring.address());
        IOException refusal = assertThrows(IOException.class, () -> write(conf, version(0), "mine"));
        assertTrue(refusal.getMessage().contains("s3a://" + bucket + " ignores If-None-Match"), refusal.getMessage());
        assertThrows(FileNotFoundException.class, () -> read(direct, version(0)));
        assertEquals(List.of(), names(direct, version(0)));
    }

    private static void deleteObjectOf(String request) {
        try {
            Files.deleteIfExists(Store.FOLDER.resolve(request.split(" ")[1].substring(1)));
        } catch (IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }

    private static List<String> names(Configuration conf, Path from) throws IOException {
        List<String> names = new ArrayList<>();
        new S3LogStore(conf).listFrom(from, conf).forEachRemaining(file -> names.add(file.getPath().getName()));
        return names;
    }

    @Test
    void aListingBeginsAtTheNameAndIsSorted() throws IOException {
        for (int number : new int[] {11, 9, 10, 8, 100}) {
            write(direct, version(number), "line");
        }
        FileSystem store = version(0).getFileSystem(direct);
        store.create(new Path(version(0).getParent(), "_sidecars/a.parquet")).close();
        List<FileStatus> found = new ArrayList<>();
        Path from = new Path(version(0).getParent(), String.format("%020d.", 10));
        new S3LogStore(direct).listFrom(from, direct).forEachRemaining(found::add);
        assertEquals(
                List.of(version(10), version(11), version(100), new Path(version(0).getParent(), "_sidecars")),
                found.stream().map(FileStatus::getPath).toList());
        FileStatus status = store.getFileStatus(version(10));
        assertEquals(5, found.get(0).getLen());
        assertEquals(status.getModificationTime(), found.get(0).getModificationTime());
        assertFalse(found.get(0).isDirectory());
        assertTrue(found.get(3).isDirectory());
    }

    @Test
    void aListingOfAFolderThatDoesNotExistSaysSo() {
        assertThrows(FileNotFoundException.class, () -> names(direct, version(0)));
    }

    @Test
    void nothingIsLeftOfTheProbe() throws IOException {
        write(direct, version(0), "line");
        FileStatus[] left = version(0).getFileSystem(direct).listStatus(version(0).getParent());
        assertEquals(List.of(version(0)), List.of(left).stream().map(FileStatus::getPath).toList());
    }

    @Test
    void noPartOfAWriteIsVisible() {
        assertFalse(new S3LogStore(direct).isPartialWriteVisible(version(0), direct));
    }
}
