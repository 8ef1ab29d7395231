package io.headrace.delta;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log store on a disk. */
class DiskLogStoreTest {
    private final Configuration conf = new Configuration();

    @TempDir
    Path folder;

    DiskLogStoreTest() {
        conf.set("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem");
    }

    private org.apache.hadoop.fs.Path version(int number) {
        return new org.apache.hadoop.fs.Path(folder.toUri().toString(), String.format("%020d.json", number));
    }

    private void write(int number, String line, boolean overwrite) throws IOException {
        new DiskLogStore(conf).write(version(number), List.of(line).iterator(), overwrite, conf);
    }

    private String content(int number) throws IOException {
        return Files.readString(folder.resolve(version(number).getName()));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> found = Files.list(folder)) {
            return found.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aVersionThatExistsIsNotWrittenAgain() throws IOException {
        write(0, "first", false);
        assertThrows(FileAlreadyExistsException.class, () -> write(0, "second", false));
        assertEquals("first\n", content(0));
        assertEquals(List.of(version(0).getName()), files());
    }

    @Test
    void anOverwriteReplacesAFile() throws IOException {
        write(0, "first", false);
        write(0, "second", true);
        assertEquals("second\n", content(0));
        assertEquals(List.of(version(0).getName()), files());
    }

    @Test
    void aFolderThatDoesNotExistIsNotMade() {
        org.apache.hadoop.fs.Path elsewhere = new org.apache.hadoop.fs.Path(version(0).getParent(), "no/0.json");
        assertThrows(NoSuchFileException.class,
                () -> new DiskLogStore(conf).write(elsewhere, List.of("a").iterator(), false, conf));
    }

    @Test
    void aListingHidesWhatAKilledWriteLeft() throws IOException {
        write(1, "line", false);
        Files.writeString(folder.resolve("." + version(2).getName() + ".5bd3.tmp"), "half a li");
        List<String> names = new ArrayList<>();
        new DiskLogStore(conf).listFrom(version(0), conf).forEachRemaining(file -> names.add(file.getPath().getName()));
        assertEquals(List.of(version(1).getName()), names);
    }

    @Test
    void ofThirtyTwoWritersExactlyOneCreatesEachVersion() throws Exception {
        var writers = Executors.newFixedThreadPool(32);
        for (int number = 0; number < 20; number++) {
            int version = number;
            List<Callable<String>> attempts = new ArrayList<>();
            for (int writer = 0; writer < 32; writer++) {
                String line = "writer " + writer;
                attempts.add(() -> {
                    write(version, line, false);
                    return line + "\n";
                });
            }
            List<String> told = new ArrayList<>();
            for (Future<String> attempt : writers.invokeAll(attempts)) {
                try {
                    told.add(attempt.get());
                } catch (ExecutionException failure) {
                    assertEquals(FileAlreadyExistsException.class, failure.getCause().getClass());
                }
            }
            assertEquals(List.of(content(version)), told);
        }
        writers.shutdown();
    }
}
