// Temporal's command line and web UI, on durasim in the place of a server.
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const taskQueue = "orders"

// The line that durasim prints when it is ready, and the address in it.
var greeting, address string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run runs the tests beside a server and a worker.
func run(m *testing.M) (int, error) {
	server := exec.Command(os.Getenv("DURASIM"), "serve", "--port", "0")
	server.Stderr = os.Stderr
	output, err := server.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := server.Start(); err != nil {
		return 0, err
	}
	defer server.Wait()
	defer server.Process.Signal(syscall.SIGTERM)
	greeting, err = bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return 0, err
	}
	address = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(greeting)

	connection, err := client.Dial(client.Options{
		HostPort:                address,
		Logger:                  quiet{},
		WorkerHeartbeatInterval: time.Second,
	})
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	orders := worker.New(connection, taskQueue, worker.Options{})
	orders.RegisterWorkflow(Order)
	orders.RegisterWorkflow(Parcel)
	orders.RegisterActivity(Charge)
	if err := orders.Start(); err != nil {
		return 0, err
	}
	defer orders.Stop()
	return m.Run(), nil
}

// Order charges for its items, and ships them once it is approved.
func Order(ctx workflow.Context, customer string) (string, error) {
	status, items := "charging", 0
	if err := workflow.SetQueryHandler(ctx, "status", func() (string, error) { return status, nil }); err != nil {
		return "", err
	}
	add := func(ctx workflow.Context, more int) (int, error) {
		items += more
		return items, nil
	}
	if err := workflow.SetUpdateHandler(ctx, "add", add); err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          "charge",
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Hour, InitialInterval: time.Hour},
	})
	if err := workflow.ExecuteActivity(ctx, Charge, customer).Get(ctx, nil); err != nil {
		return "", err
	}
	status = "waiting"
	approvals := workflow.GetSignalChannel(ctx, "approve")
	if err := workflow.Await(ctx, func() bool { return approvals.Len() > 0 }); err != nil {
		return "", err
	}
	approvals.Receive(ctx, nil)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID + "-parcel",
	})
	var parcel string
	err := workflow.ExecuteChildWorkflow(ctx, Parcel, customer).Get(ctx, &parcel)
	return parcel, err
}

// Parcel takes a moment, and does not go to nobody.
func Parcel(ctx workflow.Context, customer string) (string, error) {
	if customer == "nobody" {
		return "", errors.New("no such customer")
	}
	err := workflow.Sleep(ctx, 20*time.Millisecond)
	return "parcel for " + customer, err
}

// Charge fails for a customer without money.
func Charge(ctx context.Context, customer string) (string, error) {
	if customer == "poor" {
		return "", fmt.Errorf("no money at attempt %d", activity.GetInfo(ctx).Attempt)
	}
	return "charged " + customer, nil
}

// quiet logs nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

var _ log.Logger = quiet{}

// command returns a command of the command line, on the server.
func command(t *testing.T, arguments ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Getenv("TEMPORAL_CLI"), arguments...)
	cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+address, "HOME="+t.TempDir(), "NO_COLOR=1")
	return cmd
}

// says runs a command that succeeds, and looks for lines in what it prints. Blanks within a line count for one.
func says(t *testing.T, lines []string, arguments ...string) string {
	t.Helper()
	output, err := command(t, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("temporal %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return find(t, lines, arguments, output)
}

// refuses runs a command that fails, and looks for lines in what it prints.
func refuses(t *testing.T, line string, arguments ...string) {
	t.Helper()
	output, err := command(t, arguments...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("temporal %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	find(t, []string{line}, arguments, output)
}

func find(t *testing.T, lines, arguments []string, output []byte) string {
	t.Helper()
	words := strings.Join(strings.Fields(string(output)), " ")
	for _, line := range lines {
		if !strings.Contains(words, line) {
			t.Fatalf("temporal %s does not say %q:\n%s", strings.Join(arguments, " "), line, output)
		}
	}
	return string(output)
}

// start starts an order that waits for its approval.
func start(t *testing.T, id, customer string) {
	t.Helper()
	says(t, []string{"WorkflowId " + id, "Type Order"},
		"workflow", "start", "--type", "Order", "--task-queue", taskQueue, "-w", id, "--input", `"`+customer+`"`)
}

func await(t *testing.T, line string, arguments ...string) {
	t.Helper()
	for range 100 {
		output, _ := command(t, arguments...).CombinedOutput()
		if strings.Contains(strings.Join(strings.Fields(string(output)), " "), line) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	says(t, []string{line}, arguments...)
}
