package io.headrace.delta;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;

/**
 * Delta's log on a disk: a version gets its name by a hard link, which the kernel refuses if the name exists.
 *
 * <p>So of several processes exactly one succeeds, and nobody sees half a version. A process that is killed leaves at most a
 * hidden temporary file.
 */
public class DiskLogStore extends HadoopFileSystemLogStore {
    public DiskLogStore(Configuration conf) {
        super(conf);
    }

    /**
     * Write a file of the log. It survives a loss of power.
     *
     * @throws FileAlreadyExistsException the file exists, and {@code overwrite} is false
     * @throws IOException the disk is full, lacks hard links, or the folder does not exist
     */
    @Override
    public void write(org.apache.hadoop.fs.Path path, Iterator<String> actions, Boolean overwrite, Configuration conf)
            throws IOException {
        Path file = Path.of(path.toUri().getPath());
        Path temporary = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            save(temporary, Lines.bytes(actions));
            if (overwrite) {
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } else {
                link(temporary, file);
            }
            saveNames(file.getParent());
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void save(Path file, byte[] content) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer rest = ByteBuffer.wrap(content);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
            channel.force(true);
        }
    }

    private static void link(Path temporary, Path file) throws IOException {
        try {
            Files.createLink(file, temporary);
        } catch (FileAlreadyExistsException exists) {
            // A network's file system may repeat a request whose reply was lost, and refuse the repetition.
            if (!Files.isSameFile(file, temporary)) {
                throw exists;
            }
        } catch (FileSystemException failure) {
            throw new IOException("the hard link " + file + " cannot be made: " + failure.getReason()
                    + ". The disk of a lake needs hard links, because they keep commits apart", failure);
        }
    }

    private static void saveNames(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Checkpoints are written by Spark, in place. */
    @Override
    public Boolean isPartialWriteVisible(org.apache.hadoop.fs.Path path, Configuration conf) {
        return true;
    }
}
