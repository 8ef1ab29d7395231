package io.headrace.delta;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.IOException;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.S3AFileSystem;

/** Delta's log in S3: a version is created by a conditional put, so of several drivers exactly one succeeds. */
public class S3LogStore extends HadoopFileSystemLogStore {
    private static final String LOG_FOLDER = "_delta_log";

    public S3LogStore(Configuration conf) {
        super(conf);
    }

    /**
     * Write a file of the log.
     *
     * @throws java.nio.file.FileAlreadyExistsException the file exists, and {@code overwrite} is false
     * @throws IOException the store ignores conditions, refused the write, or did not answer
     */
    @Override
    public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration conf) throws IOException {
        FileSystem store = path.getFileSystem(conf);
        byte[] content = Lines.bytes(actions);
        if (overwrite) {
            Uploads.complete(store.create(path, true), content);
        } else {
            Conditions.require(store, path.getParent());
            new ExclusivePut(store, path, content).run();
        }
    }

    /**
     * The files of the log from a name on, in the order of their names.
     *
     * @throws java.io.FileNotFoundException the folder does not exist
     * @throws IOException S3 refused to list it, or did not answer
     */
    @Override
    public Iterator<FileStatus> listFrom(Path path, Configuration conf) throws IOException {
        // Delta lists other folders too, to find what VACUUM may delete. It lists all of them, from a name of a NUL character on.
        if (LOG_FOLDER.equals(path.getParent().getName()) && path.getFileSystem(conf) instanceof S3AFileSystem store) {
            return LogListing.from(store, path);
        }
        return super.listFrom(path, conf);
    }

    /** An object is there when its upload is complete, and not before. */
    @Override
    public Boolean isPartialWriteVisible(Path path, Configuration conf) {
        return false;
    }
}
