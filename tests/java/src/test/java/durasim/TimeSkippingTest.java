package durasim;

import static durasim.Durasim.newId;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Empty;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import durasim.Patterns.Approval;
import durasim.Patterns.FetchAndProcess;
import durasim.Patterns.LargeFile;
import durasim.Patterns.Parent;
import durasim.Patterns.Reminder;
import durasim.Patterns.Shopping;
import io.temporal.api.testservice.v1.LockTimeSkippingRequest;
import io.temporal.api.testservice.v1.SleepRequest;
import io.temporal.api.testservice.v1.TestServiceGrpc;
import io.temporal.api.testservice.v1.UnlockTimeSkippingRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The patterns that take their time, under the SDK's own test environment, which skips it. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TimeSkippingTest {
  private TestWorkflowEnvironment env;
  private TestServiceGrpc.TestServiceBlockingStub time;

  @BeforeAll
  void start() {
    env = TestWorkflowEnvironment.startLocal(Durasim.asDevServer("--time", "skipping"));
    time = TestServiceGrpc.newBlockingStub(env.getWorkflowServiceStubs().getRawChannel());
    Patterns.register(env.newWorker(Patterns.TASK_QUEUE));
    env.start();
  }

  @AfterAll
  void stop() {
    env.close();
  }

  private <T> T stub(Class<T> workflow, String id) {
    return env.getWorkflowClient()
        .newWorkflowStub(
            workflow,
            WorkflowOptions.newBuilder()
                .setWorkflowId(id)
                .setTaskQueue(Patterns.TASK_QUEUE)
                .build());
  }

  private Instant now() {
    var now = time.getCurrentTime(Empty.getDefaultInstance()).getTime();
    return Instant.ofEpochMilli(Timestamps.toMillis(now));
  }

  private void replays(String id, Class<?> workflow) throws Exception {
    WorkflowReplayer.replayWorkflowExecution(env.getWorkflowClient().fetchHistory(id), workflow);
  }

  @Test
  void aMonthTakesAMoment() throws Exception {
    String id = newId();
    Instant began = Instant.now();
    Instant at = now();
    assertEquals("reminded ann", stub(Reminder.class, id).run("ann"));
    assertTrue(Duration.between(began, Instant.now()).toSeconds() < 10);
    assertTrue(Duration.between(at, now()).toDays() >= 30);
    replays(id, Patterns.ReminderImpl.class);
  }

  @Test
  void anApprovalExpires() throws Exception {
    String id = newId();
    time.lockTimeSkipping(LockTimeSkippingRequest.getDefaultInstance());
    Approval approval = stub(Approval.class, id);
    WorkflowClient.start(approval::run, "item-1");
    time.unlockTimeSkippingWithSleep(
        SleepRequest.newBuilder().setDuration(Durations.fromHours(23)).build());
    assertEquals("pending", approval.status());
    time.unlockTimeSkipping(UnlockTimeSkippingRequest.getDefaultInstance());
    assertEquals("expired", WorkflowStub.fromTyped(approval).getResult(String.class));
    replays(id, Patterns.ApprovalImpl.class);
  }

  @Test
  void aFailingActivityIsRetried() throws Exception {
    String id = newId();
    assertEquals("PAGE OF FLAKY", stub(FetchAndProcess.class, id).run("flaky"));
    replays(id, Patterns.FetchAndProcessImpl.class);
  }

  @Test
  void aRetryGetsTheDetailsOfTheLastHeartbeat() {
    int first = stub(LargeFile.class, newId()).run(100);
    assertTrue(0 < first && first <= 51, "begins at line " + first);
  }

  @Test
  void childrenRunBesideEachOther() throws Exception {
    String id = newId();
    Instant at = now();
    assertEquals(List.of("A", "B", "C"), stub(Parent.class, id).run(List.of("a", "b", "c")));
    assertTrue(Duration.between(at, now()).toHours() < 2);
    replays(id, Patterns.ParentImpl.class);
  }

  @Test
  void updatesAndContinueAsNew() {
    String id = newId();
    WorkflowClient.start(stub(Shopping.class, id)::run, List.of());
    Shopping shopping = env.getWorkflowClient().newWorkflowStub(Shopping.class, id);
    assertThrows(WorkflowUpdateException.class, () -> shopping.add(""));
    List<String> items = List.of("tea", "milk", "salt", "rice");
    for (int n = 0; n < items.size(); n++) {
      assertEquals(n + 1, shopping.add(items.get(n)));
    }
    shopping.close();
    assertEquals(items, WorkflowStub.fromTyped(shopping).getResult(List.class));
  }
}
