// The SDK's own development server, with durasim in the place of the program that it downloads.
package durasim

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const taskQueue = "patterns"

// Approval waits for a signal, and takes updates meanwhile.
func Approval(ctx workflow.Context) ([]string, error) {
	var items []string
	status := "pending"
	if err := workflow.SetQueryHandler(ctx, "status", func() (string, error) { return status, nil }); err != nil {
		return nil, err
	}
	add := func(ctx workflow.Context, item string) (int, error) {
		items = append(items, item)
		return len(items), nil
	}
	validate := workflow.UpdateHandlerOptions{Validator: func(ctx workflow.Context, item string) error {
		if item == "" {
			return errors.New("an item has a name")
		}
		return nil
	}}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, "add", add, validate); err != nil {
		return nil, err
	}
	workflow.GetSignalChannel(ctx, "approve").Receive(ctx, nil)
	status = "approved"
	return items, nil
}

// Batch runs a child and an activity for each item.
func Batch(ctx workflow.Context, items []string) ([]string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond},
	})
	var results []string
	for _, item := range items {
		var result string
		if err := workflow.ExecuteActivity(ctx, Greet, item).Get(ctx, &result); err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

// Parent runs its batch as a child.
func Parent(ctx workflow.Context, items []string) (results []string, err error) {
	err = workflow.ExecuteChildWorkflow(ctx, Batch, items).Get(ctx, &results)
	return results, err
}

// Greet fails twice for bob.
func Greet(ctx context.Context, user string) (string, error) {
	if user == "bob" && activity.GetInfo(ctx).Attempt < 3 {
		return "", errors.New("not yet")
	}
	return "hello " + user, nil
}

func program() string {
	if path := os.Getenv("DURASIM"); path != "" {
		return path
	}
	path, _ := filepath.Abs("../../target/debug/durasim")
	return path
}

// Reminder sleeps for a month.
func Reminder(ctx workflow.Context, user string) (string, error) {
	err := workflow.Sleep(ctx, 30*24*time.Hour)
	return "reminded " + user, err
}

func start(t *testing.T, arguments ...string) client.Client {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath: program(),
		ExtraArgs:    arguments,
	})
	if err != nil {
		t.Fatal(err)
	}
	worker := worker.New(server.Client(), taskQueue, worker.Options{})
	worker.RegisterWorkflow(Approval)
	worker.RegisterWorkflow(Batch)
	worker.RegisterWorkflow(Parent)
	worker.RegisterWorkflow(Reminder)
	worker.RegisterActivity(Greet)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		worker.Stop()
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server.Client()
}

func options(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, TaskQueue: taskQueue}
}

func TestSignalsQueriesAndUpdates(t *testing.T) {
	ctx, c := context.Background(), start(t)
	run, err := c.ExecuteWorkflow(ctx, options("approval"), Approval)
	if err != nil {
		t.Fatal(err)
	}
	update := func(item string) (count int, err error) {
		handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: "approval", UpdateName: "add", Args: []any{item},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err != nil {
			return 0, err
		}
		return count, handle.Get(ctx, &count)
	}
	if count, err := update("tea"); err != nil {
		t.Fatal(count, err)
	}
	if _, err := update(""); err == nil {
		t.Fatal("the validator refuses an item without a name")
	}
	value, err := c.QueryWorkflow(ctx, "approval", "", "status")
	if err != nil {
		t.Fatal(err)
	}
	var status string
	if err := value.Get(&status); err != nil || status != "pending" {
		t.Fatal(status, err)
	}
	if err := c.SignalWorkflow(ctx, "approval", "", "approve", nil); err != nil {
		t.Fatal(err)
	}
	var items []string
	if err := run.Get(ctx, &items); err != nil || len(items) != 1 {
		t.Fatal(items, err)
	}
}

func TestChildrenAndRetries(t *testing.T) {
	ctx, c := context.Background(), start(t)
	run, err := c.ExecuteWorkflow(ctx, options("parent"), Parent, []string{"ann", "bob"})
	if err != nil {
		t.Fatal(err)
	}
	var results []string
	if err := run.Get(ctx, &results); err != nil || len(results) != 2 || results[1] != "hello bob" {
		t.Fatal(results, err)
	}
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(Parent)
	if err := replayer.ReplayWorkflowExecution(ctx, c.WorkflowService(), nil, "default", workflow.Execution{ID: "parent"}); err != nil {
		t.Fatal("the SDK replays the history that durasim wrote: ", err)
	}
	list, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'Batch' AND ExecutionStatus = 'Completed'",
	})
	if err != nil || len(list.Executions) != 1 {
		t.Fatal(list, err)
	}
}

func TestAMonthTakesAMoment(t *testing.T) {
	ctx, c := context.Background(), start(t, "--time", "skipping")
	began := time.Now()
	run, err := c.ExecuteWorkflow(ctx, options("reminder"), Reminder, "ann")
	if err != nil {
		t.Fatal(err)
	}
	var result string
	if err := run.Get(ctx, &result); err != nil || result != "reminded ann" {
		t.Fatal(result, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Fatal("it took ", took)
	}
}
