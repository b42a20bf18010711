package durasim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.nexusrpc.Operation;
import io.nexusrpc.Service;
import io.nexusrpc.handler.OperationHandler;
import io.nexusrpc.handler.OperationImpl;
import io.nexusrpc.handler.ServiceImpl;
import io.temporal.client.WorkflowOptions;
import io.temporal.nexus.Nexus;
import io.temporal.nexus.WorkflowRunOperation;
import io.temporal.testing.TestWorkflowExtension;
import io.temporal.workflow.NexusOperationOptions;
import io.temporal.workflow.NexusServiceOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A Nexus service: one operation that is answered at once, and one with a workflow behind it. */
@Timeout(60)
class NexusTest {
  @RegisterExtension
  static final TestWorkflowExtension EXTENSION =
      TestWorkflowExtension.newBuilder()
          .registerWorkflowImplementationTypes(OrderImpl.class, PaymentImpl.class)
          .setNexusServiceImplementation(new BankImpl())
          .useDevServer(Durasim.asDevServer("--time", "skipping"))
          .build();

  @Service
  public interface Bank {
    @Operation
    Integer balance(String customer);

    @Operation
    Integer pay(Integer cents);
  }

  @ServiceImpl(service = Bank.class)
  public static final class BankImpl {
    @OperationImpl
    public OperationHandler<String, Integer> balance() {
      return OperationHandler.sync((context, details, customer) -> 100 * customer.length());
    }

    @OperationImpl
    public OperationHandler<Integer, Integer> pay() {
      return WorkflowRunOperation.fromWorkflowMethod(
          (context, details, cents) ->
              Nexus.getOperationContext()
                      .getWorkflowClient()
                      .newWorkflowStub(
                          Payment.class,
                          WorkflowOptions.newBuilder()
                              .setWorkflowId("payment-" + details.getRequestId())
                              .build())
                  ::run);
    }
  }

  @WorkflowInterface
  public interface Payment {
    @WorkflowMethod
    Integer run(Integer cents);
  }

  public static final class PaymentImpl implements Payment {
    @Override
    public Integer run(Integer cents) {
      Workflow.sleep(Duration.ofDays(1));
      return cents;
    }
  }

  @WorkflowInterface
  public interface Order {
    @WorkflowMethod
    int run(String customer);
  }

  public static final class OrderImpl implements Order {
    private final Bank bank =
        Workflow.newNexusServiceStub(
            Bank.class,
            NexusServiceOptions.newBuilder()
                .setOperationOptions(
                    NexusOperationOptions.newBuilder()
                        .setScheduleToCloseTimeout(Duration.ofDays(7))
                        .build())
                .build());

    @Override
    public int run(String customer) {
      return bank.balance(customer) - bank.pay(30);
    }
  }

  @Test
  void aWorkflowCallsTheOperationsOfAService(Order order) {
    assertEquals(270, order.run("ann"));
  }
}
