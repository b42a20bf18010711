package durasim;

import io.temporal.testing.TemporalDevServerOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The program under test, and a process of it. */
final class Durasim implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;
  private final String address;

  private Durasim(Process process) throws IOException {
    this.process = process;
    output = process.inputReader();
    var address = Pattern.compile("127\\.0\\.0\\.1:\\d+").matcher(output.readLine());
    if (!address.find()) {
      throw new IOException("durasim did not say where it listens");
    }
    this.address = address.group();
  }

  /** Starts {@code durasim serve} on any port that is free. */
  static Durasim serve(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(path(), "serve", "--port", "0"));
    command.addAll(List.of(arguments));
    return new Durasim(new ProcessBuilder(command).start());
  }

  /** Returns the options that have the SDK start this program in the place of its own server. */
  static TemporalDevServerOptions asDevServer(String... arguments) {
    return TemporalDevServerOptions.newBuilder()
        .setExistingPath(path())
        .setExtraArgs(arguments)
        .build();
  }

  private static String path() {
    String path = System.getenv("DURASIM");
    return path != null ? path : Path.of("../../target/debug/durasim").toAbsolutePath().toString();
  }

  static String newId() {
    return "w-" + UUID.randomUUID();
  }

  String address() {
    return address;
  }

  /** Stops the program, and returns the lines that it printed after the first. */
  String stop() throws InterruptedException {
    process.toHandle().destroy();
    String printed = output.lines().collect(Collectors.joining("\n"));
    process.waitFor(10, TimeUnit.SECONDS);
    return printed;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
