package durasim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import durasim.Patterns.Reminder;
import io.temporal.testing.TestWorkflowExtension;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The first minutes, as docs/SERVE.md has them: JUnit's extension, with a server that skips time. */
@Timeout(60)
class FirstMinutesTest {
  @RegisterExtension
  static final TestWorkflowExtension EXTENSION =
      TestWorkflowExtension.newBuilder()
          .registerWorkflowImplementationTypes(Patterns.ReminderImpl.class)
          .useDevServer(Durasim.asDevServer("--time", "skipping"))
          .build();

  @Test
  void aMonthTakesAMoment(Reminder reminder) {
    Instant began = Instant.now();
    assertEquals("reminded ann", reminder.run("ann"));
    assertTrue(Duration.between(began, Instant.now()).toSeconds() < 10);
  }
}
