module durasim/tests/cli

go 1.26.4

tool (
	github.com/temporalio/cli/cmd/temporal
	github.com/temporalio/ui-server/v2/cmd/server
)

require (
	github.com/temporalio/cli v1.8.2
	github.com/temporalio/ui-server/v2 v2.50.1
	go.temporal.io/sdk v1.41.1
)

// The command line has this module in its own repository.
replace github.com/temporalio/cli/cliext => github.com/temporalio/cli/cliext v0.0.0-20260731000218-c579925f193f
