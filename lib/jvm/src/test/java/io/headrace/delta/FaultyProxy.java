package io.headrace.delta;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

/**
 * Stands before an S3 server and does to each request what a test says. A request is told by its first bytes; the server's bytes
 * are not changed.
 */
final class FaultyProxy implements AutoCloseable {
    /** What happens to a request. */
    sealed interface Fate {
        Fate PASS = new Pass();
        /** The server acts; then the connection breaks before its reply. */
        Fate LOSE_REPLY = new LoseReply();

        /** The server gets nothing, and the client this answer. */
        static Fate answer(int status, String code) {
            return new Answer(status, code);
        }
    }

    private record Pass() implements Fate {}

    private record LoseReply() implements Fate {}

    private record Answer(int status, String code) implements Fate {
        String text() {
            String body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>by the test</Message></Error>";
            return "HTTP/1.1 " + status + " Told\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: "
                    + body.length() + "\r\n\r\n" + body;
        }
    }

    private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final int port;
    private final Function<String, Fate> judge;

    /**
     * @param port the server's
     * @param judge gives the fate of a request, whose first line and headers it is given
     */
    FaultyProxy(int port, Function<String, Fate> judge) throws IOException {
        this.port = port;
        this.judge = judge;
        start(this::accept);
    }

    String address() {
        return "http://127.0.0.1:" + listening.getLocalPort();
    }

    private void accept() throws IOException {
        while (true) {
            Socket near = listening.accept();
            Socket far = new Socket(InetAddress.getLoopbackAddress(), port);
            sockets.addAll(List.of(near, far));
            new Connection(near, far).start();
        }
    }

    private final class Connection {
        private final Socket near;
        private final Socket far;
        private volatile boolean replyIsLost;

        Connection(Socket near, Socket far) {
            this.near = near;
            this.far = far;
        }

        void start() {
            FaultyProxy.start(this::requests);
            FaultyProxy.start(this::replies);
        }

        private void requests() throws IOException {
            byte[] bytes = new byte[1 << 16];
            InputStream in = near.getInputStream();
            for (int count; (count = in.read(bytes)) >= 0; ) {
                String text = new String(bytes, 0, count, StandardCharsets.ISO_8859_1);
                Fate fate = text.matches("(?s)(GET|HEAD|PUT|POST|DELETE) /.*") ? judge.apply(text) : Fate.PASS;
                if (fate instanceof Answer answer) {
                    near.getOutputStream().write(answer.text().getBytes(StandardCharsets.ISO_8859_1));
                    near.shutdownOutput();
                    in.transferTo(OutputStream.nullOutputStream()); // a reset would lose the answer
                    break;
                }
                replyIsLost |= fate == Fate.LOSE_REPLY;
                far.getOutputStream().write(bytes, 0, count);
            }
            close();
        }

        private void replies() throws IOException {
            byte[] bytes = new byte[1 << 16];
            InputStream in = far.getInputStream();
            for (int count; (count = in.read(bytes)) >= 0; ) {
                String text = new String(bytes, 0, count, StandardCharsets.ISO_8859_1);
                if (replyIsLost && !text.startsWith("HTTP/1.1 100")) {
                    break;
                }
                near.getOutputStream().write(bytes, 0, count);
            }
            close();
        }

        private void close() throws IOException {
            near.close();
            far.close();
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException closed) {
                // the test or the client ended it
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        listening.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
