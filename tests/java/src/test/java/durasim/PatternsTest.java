package durasim;

import static durasim.Durasim.newId;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import durasim.Patterns.Approval;
import durasim.Patterns.Batch;
import durasim.Patterns.FetchAndProcess;
import durasim.Patterns.Pages;
import durasim.Patterns.Recorder;
import durasim.Patterns.Shopping;
import durasim.Patterns.Waiter;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.client.StartActivityOptions;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WithStartWorkflowOperation;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.client.WorkflowUpdateStage;
import io.temporal.client.schedules.Schedule;
import io.temporal.client.schedules.ScheduleActionExecutionStartWorkflow;
import io.temporal.client.schedules.ScheduleActionStartWorkflow;
import io.temporal.client.schedules.ScheduleClient;
import io.temporal.client.schedules.ScheduleClientOptions;
import io.temporal.client.schedules.ScheduleIntervalSpec;
import io.temporal.client.schedules.ScheduleOptions;
import io.temporal.client.schedules.ScheduleSpec;
import io.temporal.common.SearchAttributeKey;
import io.temporal.common.SearchAttributes;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The patterns of Temporal in Java, under the SDK's own test environment, in real time. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PatternsTest {
  private TestWorkflowEnvironment env;
  private WorkflowClient client;

  @BeforeAll
  void start() {
    env = TestWorkflowEnvironment.startLocal(Durasim.asDevServer());
    client = env.getWorkflowClient();
    Patterns.register(env.newWorker(Patterns.TASK_QUEUE));
    env.start();
  }

  @AfterAll
  void stop() {
    env.close();
  }

  private WorkflowOptions.Builder options(String id) {
    return WorkflowOptions.newBuilder().setWorkflowId(id).setTaskQueue(Patterns.TASK_QUEUE);
  }

  private <T> T stub(Class<T> workflow, String id) {
    return client.newWorkflowStub(workflow, options(id).build());
  }

  /** Has the SDK replay the history that durasim wrote. */
  private void replays(String id, Class<?> workflow) throws Exception {
    WorkflowReplayer.replayWorkflowExecution(client.fetchHistory(id), workflow);
  }

  @Test
  void activitiesFollowEachOther() throws Exception {
    String id = newId();
    assertEquals("PAGE OF EXAMPLE.COM", stub(FetchAndProcess.class, id).run("example.com"));
    replays(id, Patterns.FetchAndProcessImpl.class);
  }

  @Test
  void anApprovalBySignal() throws Exception {
    String id = newId();
    Approval approval = stub(Approval.class, id);
    WorkflowClient.start(approval::run, "item-1");
    assertEquals("pending", approval.status());
    approval.approve();
    assertEquals("processed item-1", WorkflowStub.fromTyped(approval).getResult(String.class));
    assertEquals("approved", approval.status());
    replays(id, Patterns.ApprovalImpl.class);
  }

  @Test
  void aSignalStartsItsWorkflow() {
    String id = newId();
    WorkflowStub approval = client.newUntypedWorkflowStub("Approval", options(id).build());
    approval.signalWithStart("approve", new Object[0], new Object[] {"item-2"});
    assertEquals("processed item-2", approval.getResult(String.class));
  }

  @Test
  void anUpdateStartsItsWorkflow() {
    String id = newId();
    WorkflowOptions options =
        options(id)
            .setWorkflowIdConflictPolicy(
                WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
            .build();
    for (int count = 1; count <= 2; count++) {
      Shopping shopping = client.newWorkflowStub(Shopping.class, options);
      int items =
          WorkflowClient.executeUpdateWithStart(
              shopping::add,
              "tea",
              UpdateOptions.<Integer>newBuilder()
                  .setWaitForStage(WorkflowUpdateStage.COMPLETED)
                  .build(),
              new WithStartWorkflowOperation<>(shopping::run, List.of()));
      assertEquals(count, items);
    }
    client.newUntypedWorkflowStub(id).terminate("done with it");
  }

  @Test
  void aBatchKeepsTheErrors() throws Exception {
    String id = newId();
    List<String> results = stub(Batch.class, id).run(List.of("a", "bad", "c"));
    assertEquals(List.of("page of a", "NoSuchPage", "page of c"), results);
    replays(id, Patterns.BatchImpl.class);
  }

  @Test
  void everyKindOfMarker() throws Exception {
    String id = newId();
    List<String> recorded = stub(Recorder.class, id).run();
    assertEquals(
        List.of("version 2", "side effect", "mutable", "processed locally"), recorded);
    assertEquals(
        "version 2",
        client.newUntypedWorkflowStub(id).describe().getMemo("greeting", String.class));
    replays(id, Patterns.RecorderImpl.class);
  }

  @Test
  void aCancelledWorkflowCleansUp() throws Exception {
    String id = newId();
    Waiter waiter = stub(Waiter.class, id);
    WorkflowClient.start(waiter::run);
    WorkflowStub.fromTyped(waiter).cancel("no longer needed");
    WorkflowFailedException failure =
        assertThrows(
            WorkflowFailedException.class,
            () -> WorkflowStub.fromTyped(waiter).getResult(Void.class));
    assertInstanceOf(CanceledFailure.class, failure.getCause());
    replays(id, Patterns.WaiterImpl.class);
  }

  @Test
  void aWorkflowIdIsTakenOnce() {
    String id = newId();
    WorkflowClient.start(stub(Approval.class, id)::run, "item");
    assertThrows(
        WorkflowExecutionAlreadyStarted.class,
        () -> WorkflowClient.start(stub(Approval.class, id)::run, "item"));
    client.newUntypedWorkflowStub(id).terminate("done with it");
  }

  @Test
  void aValidatorRefusesAnUpdate() {
    String id = newId();
    Shopping shopping = stub(Shopping.class, id);
    WorkflowClient.start(shopping::run, List.of());
    assertThrows(WorkflowUpdateException.class, () -> shopping.add(""));
    shopping.close();
    assertEquals(List.of(), WorkflowStub.fromTyped(shopping).getResult(List.class));
  }

  @Test
  void workflowsAreListedAndCounted() {
    String prefix = newId();
    for (int n = 0; n < 3; n++) {
      stub(FetchAndProcess.class, prefix + n).run("page");
    }
    String query =
        "WorkflowId STARTS_WITH '" + prefix + "' AND ExecutionStatus = 'Completed'";
    List<String> found =
        client
            .listExecutions(query)
            .map(run -> run.getExecution().getWorkflowId())
            .sorted()
            .toList();
    assertEquals(List.of(prefix + 0, prefix + 1, prefix + 2), found);
    assertEquals(3, client.countWorkflows(query).getCount());
    assertEquals(
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED,
        client.newUntypedWorkflowStub(prefix + 0).describe().getStatus());
  }

  @Test
  void searchAttributesAreRegisteredSetAndQueried() {
    var customer = SearchAttributeKey.forKeyword("Customer");
    assertTrue(
        env.registerSearchAttribute("Customer", IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD));
    String id = newId();
    WorkflowOptions options =
        options(id)
            .setTypedSearchAttributes(SearchAttributes.newBuilder().set(customer, "ann").build())
            .build();
    WorkflowClient.start(client.newWorkflowStub(Approval.class, options)::run, "item");
    List<String> found =
        client
            .listExecutions("Customer = 'ann'")
            .map(run -> run.getExecution().getWorkflowId())
            .toList();
    assertEquals(List.of(id), found);
    client.newUntypedWorkflowStub(id).terminate("done with it");
  }

  @Test
  void anActivityWithoutAWorkflow() {
    String id = newId();
    StartActivityOptions options =
        StartActivityOptions.newBuilder()
            .setId(id)
            .setTaskQueue(Patterns.TASK_QUEUE)
            .setScheduleToCloseTimeout(Duration.ofSeconds(10))
            .build();
    String page = env.getActivityClient().execute(Pages.class, Pages::fetch, options, "alone");
    assertEquals("  page of alone ", page);
  }

  @Test
  void aScheduleIsCreatedTriggeredAndDeleted() {
    ScheduleClient schedules =
        ScheduleClient.newInstance(
            env.getWorkflowServiceStubs(),
            ScheduleClientOptions.newBuilder().setNamespace(env.getNamespace()).build());
    String id = newId();
    var action =
        ScheduleActionStartWorkflow.newBuilder()
            .setWorkflowType(FetchAndProcess.class)
            .setArguments("scheduled")
            .setOptions(options(id).build())
            .build();
    var spec =
        ScheduleSpec.newBuilder()
            .setIntervals(List.of(new ScheduleIntervalSpec(Duration.ofDays(1))))
            .build();
    var handle =
        schedules.createSchedule(
            id,
            Schedule.newBuilder().setAction(action).setSpec(spec).build(),
            ScheduleOptions.newBuilder().build());
    handle.trigger();
    handle.pause("a holiday");
    var description = handle.describe();
    assertTrue(description.getSchedule().getState().isPaused());
    var started =
        (ScheduleActionExecutionStartWorkflow)
            description.getInfo().getRecentActions().get(0).getAction();
    assertEquals(
        "PAGE OF SCHEDULED",
        client.newUntypedWorkflowStub(started.getWorkflowId()).getResult(String.class));
    handle.delete();
    assertEquals(0, schedules.listSchedules().filter(it -> it.getScheduleId().equals(id)).count());
  }
}
