package cli

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

func TestTheCommandLineOfTheGreeting(t *testing.T) {
	start(t, "greeted", "ann")
	line := regexp.MustCompile("`temporal ([^`]*)`").FindStringSubmatch(greeting)
	if line == nil {
		t.Fatal(greeting)
	}
	cmd := command(t, strings.Fields(line[1])...)
	cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS=")
	output, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "greeted") {
		t.Fatal(err, string(output))
	}
}

func TestAWorkflowFromItsStartToItsResult(t *testing.T) {
	start(t, "o-1", "ann")
	await(t, `QueryResult "waiting"`, "workflow", "query", "-w", "o-1", "--type", "status")
	refuses(t, "unknown queryType", "workflow", "query", "-w", "o-1", "--type", "colour")
	says(t, []string{"Running o-1 Order"}, "workflow", "list", "--query", "WorkflowId = 'o-1'")
	says(t, []string{"coroutine root ["}, "workflow", "stack", "-w", "o-1")
	says(t, []string{"Signal Definitions: approve", "Update Definitions: add"}, "workflow", "metadata", "-w", "o-1")
	says(t, []string{"Result 2"}, "workflow", "update", "execute", "-w", "o-1", "--name", "add", "--input", "2")
	says(t, []string{"UpdateID u"}, "workflow", "update", "start", "-w", "o-1", "--name", "add", "--input", "1",
		"--update-id", "u", "--wait-for-stage", "accepted")
	says(t, []string{"Result 3", "Stage Completed"}, "workflow", "update", "describe", "-w", "o-1", "--update-id", "u")
	says(t, []string{"Result 3"}, "workflow", "update", "result", "-w", "o-1", "--update-id", "u")
	says(t, nil, "workflow", "signal", "-w", "o-1", "--name", "approve")
	says(t, []string{"Status COMPLETED", `Result "parcel for ann"`}, "workflow", "result", "-w", "o-1")
	says(t, []string{"Type Order", "Status COMPLETED", `Result "parcel for ann"`}, "workflow", "describe", "-w", "o-1")
	says(t, []string{"1 ", "WorkflowExecutionStarted", "WorkflowExecutionCompleted", `Result "parcel for ann"`},
		"workflow", "show", "-w", "o-1")
	says(t, []string{"✓ Order", "✓ Parcel", "⧖ Timer"}, "workflow", "trace", "-w", "o-1", "--no-fold")
}

func TestAWorkflowIsExecutedAndFollowed(t *testing.T) {
	says(t, []string{"WorkflowTaskScheduled", "TimerFired", "Status COMPLETED", `Result "parcel for bob"`},
		"workflow", "execute", "--type", "Parcel", "--task-queue", taskQueue, "-w", "p-1", "--input", `"bob"`)
	refuses(t, "Message: no such customer",
		"workflow", "execute", "--type", "Parcel", "--task-queue", taskQueue, "-w", "p-2", "--input", `"nobody"`)
	start(t, "followed", "ann")
	follower := command(t, "workflow", "show", "-w", "followed", "--follow")
	var output strings.Builder
	follower.Stdout = &output
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	says(t, nil, "workflow", "signal", "-w", "followed", "--name", "approve")
	if err := follower.Wait(); err != nil || !strings.Contains(output.String(), "WorkflowExecutionCompleted") {
		t.Fatal(err, output.String())
	}
}

func TestWorkflowsAreListedAndCounted(t *testing.T) {
	for _, id := range []string{"l-1", "l-2"} {
		says(t, nil, "workflow", "execute", "--type", "Parcel", "--task-queue", taskQueue, "-w", id, "--input", `"ann"`)
	}
	start(t, "l-3", "ann")
	of := "WorkflowId STARTS_WITH 'l-'"
	says(t, []string{"Running l-3 Order", "Completed l-2 Parcel", "Completed l-1 Parcel"}, "workflow", "list", "--query", of)
	says(t, []string{"Total: 3"}, "workflow", "count", "--query", of)
	says(t, []string{"Group total: 2, values: Completed", "Group total: 1, values: Running"},
		"workflow", "count", "--query", of+" GROUP BY ExecutionStatus")
	refuses(t, "invalid query", "workflow", "list", "--query", "WorkflowId =")
	var listed []struct{ Execution struct{ WorkflowId string } }
	output := says(t, nil, "workflow", "list", "--output", "json", "--limit", "1", "--query", of)
	if err := json.Unmarshal([]byte(output), &listed); err != nil || len(listed) != 1 {
		t.Fatal(err, output)
	}
	var history struct{ Events []struct{ EventType string } }
	output = says(t, nil, "workflow", "show", "-w", "l-1", "--output", "json")
	if err := json.Unmarshal([]byte(output), &history); err != nil || len(history.Events) != 10 {
		t.Fatal(err, output)
	}
}

func TestAWorkflowIsStoppedResetAndDeleted(t *testing.T) {
	start(t, "s-1", "ann")
	says(t, nil, "workflow", "cancel", "-w", "s-1")
	await(t, "Status CANCELED", "workflow", "describe", "-w", "s-1")
	start(t, "s-2", "ann")
	says(t, nil, "workflow", "terminate", "-w", "s-2", "--reason", "enough")
	says(t, []string{"Terminated s-2 Order"}, "workflow", "list", "--query", "WorkflowId = 's-2'")
	says(t, []string{"to event ID 4"}, "workflow", "reset", "-w", "s-2", "--event-id", "4", "--reason", "again")
	await(t, `QueryResult "waiting"`, "workflow", "query", "-w", "s-2", "--type", "status")
	says(t, nil, "workflow", "reset", "-w", "s-2", "--type", "FirstWorkflowTask", "--reason", "once more")
	says(t, nil, "workflow", "delete", "-w", "s-1", "--yes")
	refuses(t, "workflow not found for ID: s-1", "workflow", "describe", "-w", "s-1")
	refuses(t, "workflow not found for ID: s-3", "workflow", "terminate", "-w", "s-3")
}

func TestAWorkflowIsStartedBySignalsAndUpdates(t *testing.T) {
	says(t, []string{"WorkflowId w-1"}, "workflow", "signal-with-start", "--signal-name", "approve",
		"--type", "Order", "--task-queue", taskQueue, "-w", "w-1", "--input", `"ann"`)
	says(t, []string{`Result "parcel for ann"`}, "workflow", "result", "-w", "w-1")
	says(t, []string{"UpdateResult 5"}, "workflow", "execute-update-with-start", "--update-name", "add",
		"--update-input", "5", "--type", "Order", "--task-queue", taskQueue, "-w", "w-2", "--input", `"ann"`,
		"--id-conflict-policy", "UseExisting")
}

func TestAnActivityOfAWorkflowIsOperatedOn(t *testing.T) {
	start(t, "a-1", "poor")
	await(t, "no money at attempt 1", "workflow", "describe", "-w", "a-1")
	of := []string{"--activity-id", "charge", "-w", "a-1"}
	activity := func(arguments ...string) []string { return append(append([]string{"activity"}, arguments...), of...) }
	says(t, nil, activity("pause")...)
	says(t, []string{"State Paused", "Attempt 2"}, "workflow", "describe", "-w", "a-1")
	says(t, []string{"StartToCloseTimeout 30s"}, activity("update-options", "--start-to-close-timeout", "30s")...)
	says(t, nil, activity("unpause")...)
	says(t, nil, activity("reset")...)
	says(t, nil, activity("complete", "--result", `"paid"`)...)
	await(t, `QueryResult "waiting"`, "workflow", "query", "-w", "a-1", "--type", "status")
}

func TestActivitiesWithoutAWorkflow(t *testing.T) {
	execute := func(verb, id, queue string) []string {
		return []string{"activity", verb, "--activity-id", id, "--type", "Charge", "--task-queue", queue,
			"--start-to-close-timeout", "10s", "--input", `"ann"`}
	}
	says(t, []string{`Result "charged ann"`}, execute("execute", "x-1", taskQueue)...)
	says(t, []string{"ActivityId x-2"}, execute("start", "x-2", "nobody")...)
	says(t, []string{"Completed x-1 Charge", "Running x-2 Charge"}, "activity", "list")
	says(t, []string{"Total: 2"}, "activity", "count")
	says(t, []string{"Status Completed"}, "activity", "describe", "--activity-id", "x-1")
	says(t, nil, "activity", "terminate", "--activity-id", "x-2")
	says(t, []string{`Result "charged ann"`}, "activity", "result", "--activity-id", "x-1")
}

func TestASchedule(t *testing.T) {
	of := func(verb string, more ...string) []string {
		return append([]string{"schedule", verb, "-s", "daily"}, more...)
	}
	action := []string{"--type", "Parcel", "--task-queue", taskQueue, "--workflow-id", "daily-parcel", "--input", `"ann"`}
	says(t, nil, of("create", append(action, "--cron", "0 12 * * *", "--time-zone", "Europe/Berlin", "--notes", "noon")...)...)
	says(t, []string{`daily {"Workflow":"Parcel"} false`}, "schedule", "list")
	says(t, nil, of("toggle", "--pause", "--reason", "a holiday")...)
	says(t, []string{"Notes a holiday", "Paused true"}, of("describe")...)
	says(t, nil, of("toggle", "--unpause", "--reason", "work")...)
	says(t, nil, of("trigger")...)
	await(t, `"Total":1`, of("describe")...)
	says(t, nil, of("backfill", "--overlap-policy", "AllowAll",
		"--start-time", "2026-01-01T00:00:00Z", "--end-time", "2026-01-03T00:00:00Z")...)
	await(t, `"Total":3`, of("describe")...)
	says(t, []string{"2026-01-01T11:00:00Z", "2026-01-02T11:00:00Z"}, of("list-matching-times",
		"--start-time", "2026-01-01T00:00:00Z", "--end-time", "2026-01-03T00:00:00Z")...)
	says(t, nil, of("update", append(action, "--interval", "2h")...)...)
	says(t, []string{`"every":"2h 0m 0s"`}, of("describe")...)
	says(t, nil, of("delete")...)
	refuses(t, "not found", of("describe")...)
}

func TestATaskQueueAndItsWorkers(t *testing.T) {
	says(t, []string{"ApproximateBacklogCount", "UNVERSIONED workflow 0", "UNVERSIONED activity 0"},
		"task-queue", "describe", "-t", taskQueue)
	says(t, []string{"UNVERSIONED reachable"}, "task-queue", "describe", "-t", taskQueue, "--report-reachability")
	says(t, []string{"Identity LastAccessTime"}, "task-queue", "describe", "-t", taskQueue, "--legacy-mode")
	says(t, []string{"Workflow Task Queue Partitions Key OwnerHostName " + taskQueue},
		"task-queue", "list-partition", "-t", taskQueue)
	await(t, "Running "+taskQueue, "worker", "list")
	output := says(t, nil, "worker", "list", "--output", "json")
	key := regexp.MustCompile(`"workerInstanceKey": "([^"]*)"`).FindStringSubmatch(output)
	if key == nil {
		t.Fatal(output)
	}
	says(t, []string{"TaskQueue " + taskQueue, "SdkName temporal-go"},
		"worker", "describe", "--worker-instance-key", key[1])
}

func TestNamespacesSearchAttributesAndTheCluster(t *testing.T) {
	says(t, []string{"SERVING"}, "operator", "cluster", "health")
	says(t, []string{"active"}, "operator", "cluster", "describe", "--detail")
	says(t, []string{"true true true"}, "operator", "cluster", "system")
	says(t, []string{"active"}, "operator", "cluster", "list")

	says(t, nil, "operator", "namespace", "create", "-n", "payments", "--retention", "72h", "--description", "money")
	says(t, nil, "operator", "namespace", "update", "-n", "payments", "--retention", "48h")
	says(t, []string{"NamespaceInfo.Description money", "RetentionTtl 48h0m0s", "HistoryArchivalState Disabled"},
		"operator", "namespace", "describe", "-n", "payments")
	says(t, []string{"NamespaceInfo.Name default", "NamespaceInfo.Name payments"}, "operator", "namespace", "list")
	says(t, nil, "operator", "namespace", "delete", "-n", "payments", "--yes")
	refuses(t, "not found", "operator", "namespace", "describe", "-n", "payments")

	says(t, nil, "operator", "search-attribute", "create", "--name", "Customer", "--type", "Keyword")
	says(t, []string{"Customer Keyword", "ExecutionStatus Keyword"}, "operator", "search-attribute", "list")
	says(t, nil, "workflow", "start", "--type", "Order", "--task-queue", taskQueue, "-w", "n-1", "--input", `"ann"`,
		"--search-attribute", `Customer="ann"`)
	says(t, []string{"Running n-1 Order"}, "workflow", "list", "--query", "Customer = 'ann'")
	says(t, nil, "operator", "search-attribute", "remove", "--name", "Customer", "--yes")
}

func TestNexusEndpoints(t *testing.T) {
	of := func(verb string, more ...string) []string {
		return append([]string{"operator", "nexus", "endpoint", verb, "--name", "bank"}, more...)
	}
	says(t, nil, of("create", "--target-namespace", "default", "--target-task-queue", taskQueue, "--description", "money")...)
	says(t, []string{"Name bank", "Target.Worker.TaskQueue " + taskQueue}, "operator", "nexus", "endpoint", "list")
	says(t, nil, of("update", "--target-task-queue", "others")...)
	says(t, []string{"Target.Worker.TaskQueue others"}, of("get")...)
	says(t, nil, of("delete")...)
	refuses(t, "not found", of("get")...)
}

func TestABatchOfWorkflows(t *testing.T) {
	for _, id := range []string{"b-1", "b-2", "b-3"} {
		start(t, id, "ann")
		await(t, `QueryResult "waiting"`, "workflow", "query", "-w", id, "--type", "status")
	}
	of := "WorkflowId STARTS_WITH 'b-' AND ExecutionStatus = 'Running'"
	job := regexp.MustCompile(`[Ss]tarted batch for job ID: *(\S+)`)
	run := func(arguments ...string) string {
		output := says(t, nil, append([]string{"workflow"}, append(arguments, "--query", of, "--yes", "--reason", "tidy up")...)...)
		id := job.FindStringSubmatch(output)
		if id == nil {
			t.Fatal(output)
		}
		await(t, "State Completed", "batch", "describe", "--job-id", id[1])
		return id[1]
	}
	first := run("signal", "--name", "note")
	says(t, []string{"CompletedCount 3/3", "FailureCount 0/3"}, "batch", "describe", "--job-id", first)
	second := run("terminate")
	says(t, []string{first, second}, "batch", "list")
	says(t, []string{"Total: 0"}, "workflow", "count", "--query", of)
	refuses(t, "could not find Batch Job", "batch", "describe", "--job-id", "unknown")
}

func TestTheRateOfATaskQueue(t *testing.T) {
	queue := []string{"--task-queue", "limited", "--task-queue-type", "activity"}
	of := func(verb string, more ...string) []string {
		return append(append([]string{"task-queue", "config", verb}, queue...), more...)
	}
	says(t, []string{"No configuration"}, of("get")...)
	says(t, nil, of("set", "--queue-rps-limit", "10", "--queue-rps-limit-reason", "a slow shop")...)
	says(t, []string{"10", "a slow shop"}, of("get")...)
}

func TestEnvironmentsOfTheCommandLine(t *testing.T) {
	home := t.TempDir()
	run := func(arguments ...string) {
		cmd := exec.CommandContext(t.Context(), command(t).Path, arguments...)
		cmd.Env = []string{"HOME=" + home}
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatal(err, string(output))
		}
	}
	run("env", "set", "--env", "durasim", "-k", "address", "-v", address)
	run("workflow", "list", "--env", "durasim")
}
