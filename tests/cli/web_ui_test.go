package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// webUI starts the server of the web UI as its image does, at the address in the greeting.
func webUI(t *testing.T) string {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	variable := regexp.MustCompile(`TEMPORAL_ADDRESS=[0-9.:]+`).FindString(greeting)
	server := exec.CommandContext(t.Context(), os.Getenv("TEMPORAL_UI_SERVER"),
		"--root", "/", "--config", os.Getenv("TEMPORAL_UI_CONFIG"), "--env", "docker", "start")
	server.Env = append(os.Environ(), variable, fmt.Sprint("TEMPORAL_UI_PORT=", port))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	url := fmt.Sprint("http://127.0.0.1:", port)
	for range 100 {
		if answer, err := http.Get(url + "/healthz"); err == nil {
			answer.Body.Close()
			return url
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the web UI does not start")
	return ""
}

// ask makes a request; one with a body is posted.
func ask(t *testing.T, url, body string) string {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// In the place of the cookie that protects those who are logged in.
	request.Header.Set("Authorization", "Bearer nobody")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	answered, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(url, answer.Status, err, string(answered))
	}
	return string(answered)
}

func get(t *testing.T, url string) string {
	t.Helper()
	return ask(t, url, "")
}

// The requests of the pages, as a browser makes them.
func TestThePagesOfTheWebUI(t *testing.T) {
	start(t, "ui-1", "ann")
	await(t, `QueryResult "waiting"`, "workflow", "query", "-w", "ui-1", "--type", "status")
	url := webUI(t)
	if page := get(t, url+"/namespaces/default/workflows"); !strings.Contains(page, "<html") {
		t.Fatal(page)
	}
	api := url + "/api/v1/"
	for _, path := range []string{
		"settings", "system-info", "cluster-info", "namespaces", "namespaces/default",
		"namespaces/default/search-attributes", "namespaces/default/workflow-count?query=GROUP+BY+ExecutionStatus",
		"namespaces/default/schedules?maximumPageSize=100", "namespaces/default/schedule-count",
		"namespaces/default/workers?maximumPageSize=100", "nexus/endpoints?name=", "namespaces/default/batch-operations",
		"namespaces/default/task-queues/" + taskQueue + "?taskQueueType=1",
	} {
		if body := get(t, api+path); !json.Valid([]byte(body)) {
			t.Fatal(path, body)
		}
	}

	var described struct {
		WorkflowExecutionInfo struct{ Execution struct{ RunId string } }
	}
	body := get(t, api+"namespaces/default/workflows/ui-1")
	if err := json.Unmarshal([]byte(body), &described); err != nil {
		t.Fatal(err, body)
	}
	run := described.WorkflowExecutionInfo.Execution.RunId

	workflow := api + "namespaces/default/workflows"
	for path, words := range map[string]string{
		"?query=WorkflowId%3D%22ui-1%22":     `"WORKFLOW_EXECUTION_STATUS_RUNNING"`,
		"/ui-1":                              `"name": "Order"`,
		"/ui-1/history?maximumPageSize=20":   `"EVENT_TYPE_ACTIVITY_TASK_COMPLETED"`,
		"/ui-1/history-reverse":              `"EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"`,
		"/ui-1/run/" + run + "/history.json": `"WorkflowExecutionStartedEventAttributes"`,
	} {
		if body := get(t, workflow+path); !strings.Contains(body, words) {
			t.Fatal(path, body)
		}
	}
	for _, query := range []string{"__stack_trace", "__temporal_workflow_metadata", "status"} {
		asked := fmt.Sprintf(`{"execution":{"workflowId":"ui-1","runId":%q},"query":{"queryType":%q}}`, run, query)
		if body := ask(t, workflow+"/ui-1/query/"+query, asked); !strings.Contains(body, `"queryResult"`) {
			t.Fatal(query, body)
		}
	}
	ask(t, workflow+"/ui-1/signal/approve", `{"identity":"ui"}`)
	await(t, "Status COMPLETED", "workflow", "describe", "-w", "ui-1")
}
