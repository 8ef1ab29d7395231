package io.headrace.delta;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.Invoker;
import org.apache.hadoop.fs.s3a.S3AFileSystem;
import org.apache.hadoop.fs.s3a.S3ARetryPolicy;
import software.amazon.awssdk.services.s3.model.CommonPrefix;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.S3Object;

/** Lists a folder from a name on. S3A itself lists all of a folder, which takes one request for each thousand objects. */
final class LogListing {
    private LogListing() {}

    static Iterator<FileStatus> from(S3AFileSystem store, Path path) throws IOException {
        Path folder = store.makeQualified(path.getParent());
        Invoker patient = new Invoker(new S3ARetryPolicy(store.getConf()), Invoker.NO_OP);
        List<FileStatus> found = patient.retry("list", folder.toString(), true, () -> list(store, folder, path.getName()));
        if (found.isEmpty()) {
            store.getFileStatus(folder); // which raises if it does not exist
        }
        found.sort(Comparator.comparing(file -> file.getPath().getName()));
        return found.iterator();
    }

    private static List<FileStatus> list(S3AFileSystem store, Path folder, String first) {
        String prefix = store.pathToKey(folder) + "/";
        ListObjectsV2Request request = ListObjectsV2Request.builder()
                .bucket(store.getBucket())
                .prefix(prefix)
                .delimiter("/")
                .startAfter(prefix + first.substring(0, first.length() - 1)) // it lists what comes after this name
                .build();
        List<FileStatus> found = new ArrayList<>();
        for (var page : store.getS3AInternals().getAmazonS3Client("list Delta's log").listObjectsV2Paginator(request)) {
            for (S3Object object : page.contents()) {
                String name = object.key().substring(prefix.length());
                if (!name.isEmpty()) {
                    long modified = object.lastModified().toEpochMilli();
                    long block = store.getDefaultBlockSize(folder);
                    found.add(new FileStatus(object.size(), false, 1, block, modified, new Path(folder, name)));
                }
            }
            for (CommonPrefix below : page.commonPrefixes()) {
                String name = below.prefix().substring(prefix.length(), below.prefix().length() - 1);
                found.add(new FileStatus(0, true, 1, 0, 0, new Path(folder, name)));
            }
        }
        found.removeIf(file -> file.getPath().getName().compareTo(first) < 0);
        return found;
    }
}
