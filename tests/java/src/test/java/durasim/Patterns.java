package durasim;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.worker.Worker;
import io.temporal.workflow.Async;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Workflows and activities as people write them; they know nothing of durasim. */
final class Patterns {
  static final String TASK_QUEUE = "patterns";

  private Patterns() {}

  static void register(Worker worker) {
    worker.registerWorkflowImplementationTypes(
        FetchAndProcessImpl.class,
        ApprovalImpl.class,
        BatchImpl.class,
        ParentImpl.class,
        ChildImpl.class,
        LargeFileImpl.class,
        ShoppingImpl.class,
        ReminderImpl.class,
        WaiterImpl.class,
        RecorderImpl.class);
    worker.registerActivitiesImplementations(new PagesImpl());
  }

  @ActivityInterface
  public interface Pages {
    String fetch(String url);

    String process(String page);

    String processItem(String item);

    int processLargeFile(int lines);

    @ActivityMethod
    int attempts();
  }

  static final class PagesImpl implements Pages {
    @Override
    public String fetch(String url) {
      if (url.equals("bad")) {
        throw ApplicationFailure.newNonRetryableFailure("no such page", "NoSuchPage");
      }
      if (url.startsWith("flaky") && attempts() < 3) {
        throw new IllegalStateException("not yet");
      }
      return "  page of " + url + " ";
    }

    @Override
    public String process(String page) {
      return page.strip().toUpperCase();
    }

    @Override
    public String processItem(String item) {
      return "processed " + item;
    }

    /** Fails in the middle of the first attempt, and goes on from the last heartbeat. */
    @Override
    public int processLargeFile(int lines) {
      var context = Activity.getExecutionContext();
      int first = context.getHeartbeatDetails(Integer.class).orElse(0);
      for (int line = first; line < lines; line++) {
        context.heartbeat(line);
        if (attempts() == 1 && line == lines / 2) {
          throw new IllegalStateException("the disk is gone");
        }
      }
      return first;
    }

    @Override
    public int attempts() {
      return Activity.getExecutionContext().getInfo().getAttempt();
    }
  }

  private static Pages pages() {
    return Workflow.newActivityStub(
        Pages.class,
        ActivityOptions.newBuilder()
            .setStartToCloseTimeout(Duration.ofMinutes(5))
            .setHeartbeatTimeout(Duration.ofSeconds(30))
            .setRetryOptions(
                RetryOptions.newBuilder()
                    .setInitialInterval(Duration.ofSeconds(1))
                    .setMaximumInterval(Duration.ofSeconds(30))
                    .setMaximumAttempts(5)
                    .build())
            .build());
  }

  @WorkflowInterface
  public interface FetchAndProcess {
    @WorkflowMethod
    String run(String url);
  }

  public static final class FetchAndProcessImpl implements FetchAndProcess {
    private final Pages pages = pages();

    @Override
    public String run(String url) {
      return pages.process(pages.fetch(url));
    }
  }

  @WorkflowInterface
  public interface Approval {
    @WorkflowMethod
    String run(String item);

    @SignalMethod
    void approve();

    @QueryMethod
    String status();
  }

  public static final class ApprovalImpl implements Approval {
    private final Pages pages = pages();
    private boolean approved;

    @Override
    public String run(String item) {
      if (!Workflow.await(Duration.ofHours(24), () -> approved)) {
        return "expired";
      }
      return pages.processItem(item);
    }

    @Override
    public void approve() {
      approved = true;
    }

    @Override
    public String status() {
      return approved ? "approved" : "pending";
    }
  }

  @WorkflowInterface
  public interface Batch {
    @WorkflowMethod
    List<String> run(List<String> urls);
  }

  /** Fetches all pages at once, and keeps the errors. */
  public static final class BatchImpl implements Batch {
    private final Pages pages = pages();

    @Override
    public List<String> run(List<String> urls) {
      List<Promise<String>> fetched = new ArrayList<>();
      for (String url : urls) {
        fetched.add(Async.function(pages::fetch, url));
      }
      List<String> results = new ArrayList<>();
      for (Promise<String> page : fetched) {
        try {
          results.add(page.get().strip());
        } catch (ActivityFailure failure) {
          results.add(((ApplicationFailure) failure.getCause()).getType());
        }
      }
      return results;
    }
  }

  @WorkflowInterface
  public interface LargeFile {
    @WorkflowMethod
    int run(int lines);
  }

  public static final class LargeFileImpl implements LargeFile {
    private final Pages pages = pages();

    @Override
    public int run(int lines) {
      return pages.processLargeFile(lines);
    }
  }

  @WorkflowInterface
  public interface Parent {
    @WorkflowMethod
    List<String> run(List<String> items);
  }

  @WorkflowInterface
  public interface Child {
    @WorkflowMethod
    String run(String item);
  }

  public static final class ParentImpl implements Parent {
    @Override
    public List<String> run(List<String> items) {
      List<Promise<String>> children = new ArrayList<>();
      for (String item : items) {
        String id = Workflow.getInfo().getWorkflowId() + "-" + item;
        Child child =
            Workflow.newChildWorkflowStub(
                Child.class, ChildWorkflowOptions.newBuilder().setWorkflowId(id).build());
        children.add(Async.function(child::run, item));
      }
      return children.stream().map(Promise::get).toList();
    }
  }

  public static final class ChildImpl implements Child {
    @Override
    public String run(String item) {
      Workflow.sleep(Duration.ofHours(1));
      return item.toUpperCase();
    }
  }

  @WorkflowInterface
  public interface Shopping {
    @WorkflowMethod
    List<String> run(List<String> items);

    @UpdateMethod
    int add(String item);

    @UpdateValidatorMethod(updateName = "add")
    void check(String item);

    @SignalMethod
    void close();
  }

  /** An entity: updates change it, and it continues as new after every third one. */
  public static final class ShoppingImpl implements Shopping {
    private final List<String> items = new ArrayList<>();
    private int updates;
    private boolean closed;

    @Override
    public List<String> run(List<String> before) {
      items.addAll(0, before);
      Workflow.await(() -> closed || updates >= 3);
      Workflow.await(Workflow::isEveryHandlerFinished);
      if (!closed) {
        Workflow.newContinueAsNewStub(Shopping.class).run(items);
      }
      return items;
    }

    @Override
    public int add(String item) {
      Workflow.sleep(Duration.ofSeconds(1));
      items.add(item);
      updates++;
      return items.size();
    }

    @Override
    public void check(String item) {
      if (item.isEmpty()) {
        throw new IllegalArgumentException("an item has a name");
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  @WorkflowInterface
  public interface Reminder {
    @WorkflowMethod
    String run(String user);
  }

  public static final class ReminderImpl implements Reminder {
    @Override
    public String run(String user) {
      Workflow.sleep(Duration.ofDays(30));
      return "reminded " + user;
    }
  }

  @WorkflowInterface
  public interface Waiter {
    @WorkflowMethod
    void run();
  }

  /** Waits until it is cancelled, and cleans up. */
  public static final class WaiterImpl implements Waiter {
    private final Pages pages = pages();

    @Override
    public void run() {
      try {
        Workflow.sleep(Duration.ofHours(1));
      } catch (CanceledFailure canceled) {
        Workflow.newDetachedCancellationScope(() -> pages.processItem("clean-up")).run();
        throw canceled;
      }
    }
  }

  @WorkflowInterface
  public interface Recorder {
    @WorkflowMethod
    List<String> run();
  }

  /** Leaves every kind of marker in its history: of a version, a side effect, a local activity. */
  public static final class RecorderImpl implements Recorder {
    private final Pages pages =
        Workflow.newLocalActivityStub(
            Pages.class,
            LocalActivityOptions.newBuilder()
                .setScheduleToCloseTimeout(Duration.ofSeconds(10))
                .build());

    @Override
    public List<String> run() {
      int version = Workflow.getVersion("greeting", Workflow.DEFAULT_VERSION, 2);
      String side = Workflow.sideEffect(String.class, () -> "side effect");
      String mutable =
          Workflow.mutableSideEffect("m", String.class, (a, b) -> !a.equals(b), () -> "mutable");
      String item = pages.processItem("locally");
      Workflow.upsertMemo(Map.of("greeting", "version " + version));
      return List.of("version " + version, side, mutable, item);
    }
  }
}
