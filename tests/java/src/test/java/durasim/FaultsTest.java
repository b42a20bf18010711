package durasim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults over the wire, under the SDK's test environment on a server that somebody started. */
@Timeout(120)
class FaultsTest {
  private static final String FAULTS =
      "client_unavailable,signal_delay,signal_reorder,message_delay,cache_eviction,"
          + "activity_completion_lost";

  @WorkflowInterface
  public interface Order {
    @WorkflowMethod
    List<String> run();

    @SignalMethod
    void add(String item);
  }

  @ActivityInterface
  public interface Payments {
    int pay(int items);
  }

  /** Collects three items by signal, each once, and pays for them. */
  public static final class OrderImpl implements Order {
    private final TreeSet<String> items = new TreeSet<>();
    private final Payments payments =
        Workflow.newActivityStub(
            Payments.class,
            ActivityOptions.newBuilder()
                .setStartToCloseTimeout(Duration.ofSeconds(1))
                .setRetryOptions(
                    RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(50)).build())
                .build());

    @Override
    public List<String> run() {
      Workflow.await(() -> items.size() == 3);
      payments.pay(items.size());
      Workflow.sleep(Duration.ofDays(1));
      return List.copyOf(items);
    }

    @Override
    public void add(String item) {
      items.add(item);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void aSoundWorkflowSurvivesTheFaultsOfASeed(long seed) throws Exception {
    try (Durasim server =
        Durasim.serve("--time", "skipping", "--seed", "" + seed, "--faults", FAULTS)) {
      try (var env =
          TestWorkflowEnvironment.newInstance(
              TestEnvironmentOptions.newBuilder()
                  .setUseExternalService(true)
                  .setTarget(server.address())
                  .build())) {
        placeOrders(env);
      }
      String printed = server.stop();
      assertTrue(printed.contains("faults struck (--seed " + seed + ")"), printed);
      assertTrue(printed.contains("hold signal add to Order#"), printed);
    }
  }

  private static void placeOrders(TestWorkflowEnvironment env) throws Exception {
    WorkflowClient client = env.getWorkflowClient();
    var worker = env.newWorker("orders");
    worker.registerWorkflowImplementationTypes(OrderImpl.class);
    worker.registerActivitiesImplementations((Payments) items -> items);
    env.start();
    List<Order> orders = new ArrayList<>();
    for (int number = 0; number < 5; number++) {
      Order order =
          client.newWorkflowStub(
              Order.class,
              WorkflowOptions.newBuilder()
                  .setWorkflowId("order-" + number)
                  .setTaskQueue("orders")
                  .build());
      WorkflowClient.start(order::run);
      List.of("a", "b", "c").forEach(order::add);
      orders.add(order);
    }
    for (Order order : orders) {
      WorkflowStub stub = WorkflowStub.fromTyped(order);
      assertEquals(List.of("a", "b", "c"), stub.getResult(List.class));
      WorkflowReplayer.replayWorkflowExecution(
          client.fetchHistory(stub.getExecution().getWorkflowId()), OrderImpl.class);
    }
  }
}
