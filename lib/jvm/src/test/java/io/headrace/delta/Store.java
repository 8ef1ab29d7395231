package io.headrace.delta;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;

/** The S3 server that the tests are given by variables: where it listens, and the folder in which its buckets are. */
final class Store {
    static final int PORT = Integer.parseInt(System.getenv("TEST_S3_PORT"));
    static final Path FOLDER = Path.of(System.getenv("TEST_S3_FOLDER"));

    private Store() {}

    /** A new bucket, whose store no test has asked yet. */
    static String bucket() throws IOException {
        return Files.createDirectory(FOLDER.resolve("log-" + UUID.randomUUID())).getFileName().toString();
    }

    /** A configuration that finds the server at {@code address}. */
    static Configuration conf(String address) {
        Configuration conf = new Configuration();
        conf.set("fs.s3a.endpoint", address);
        conf.set("fs.s3a.endpoint.region", "us-east-1");
        conf.set("fs.s3a.path.style.access", "true");
        conf.set("fs.s3a.aws.credentials.provider", "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider");
        conf.set("fs.s3a.connection.ssl.enabled", "false");
        return conf;
    }

    /** The same, with an S3A that repeats almost nothing, so that the log store's own attempts are tested. */
    static Configuration impatient(Configuration conf) {
        Configuration impatient = new Configuration(conf);
        impatient.setInt("fs.s3a.attempts.maximum", 1);
        impatient.setInt("fs.s3a.retry.limit", 1);
        impatient.setInt("fs.s3a.retry.throttle.limit", 1);
        impatient.set("fs.s3a.retry.interval", "10ms");
        impatient.set("fs.s3a.retry.throttle.interval", "10ms");
        return impatient;
    }

    /** A file of a table's log in the bucket. */
    static org.apache.hadoop.fs.Path version(String bucket, int number) {
        return new org.apache.hadoop.fs.Path(String.format("s3a://%s/table/_delta_log/%020d.json", bucket, number));
    }

}
