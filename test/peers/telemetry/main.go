// Spans of the Go SDK with taskspan's attributes, by its own OTLP exporter in protobuf: a task with one scope.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

func main() {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	if err != nil {
		log.Fatal(err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter))
	tracer := provider.Tracer("example")
	uuid := attribute.String("taskspan.task.uuid", os.Args[1])

	ctx, task := tracer.Start(ctx, "Count in Go")
	taskID := task.SpanContext().SpanID().String()
	task.SetAttributes(uuid, attribute.String("taskspan.span", "task"), attribute.String("taskspan.task.name", "Count in Go"))
	_, scope := tracer.Start(ctx, "Count to three")
	scope.SetAttributes(uuid, attribute.String("taskspan.span", "scope"), attribute.String("taskspan.task.span", taskID),
		attribute.String("taskspan.scope.parent", taskID))
	scope.AddEvent("taskspan.notification", api.WithAttributes(
		attribute.String("taskspan.message", "one, two, three"), attribute.Int("taskspan.seq", 1)))
	scope.SetAttributes(attribute.String("taskspan.outcome", "completed"), attribute.Int("taskspan.facts", 2))
	scope.End()
	task.SetAttributes(attribute.String("taskspan.outcome", "completed"), attribute.Int("taskspan.facts", 1),
		attribute.Int("taskspan.jobs.total", 1), attribute.Int("taskspan.jobs.finished", 1))
	task.End()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
