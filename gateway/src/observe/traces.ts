/**
 * Observations as OpenTelemetry spans over OTLP/HTTP. Nothing is sent anywhere unless OTEL_EXPORTER_OTLP_ENDPOINT or
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says where; the exporter reads its other variables (headers, timeout) itself.
 */
import { type Attributes, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Observation } from '../domain/observation.ts';

export type Traces = {
  observe(observation: Observation): void;
  /** Sends what has not been sent yet; never rejects. */
  stop(): Promise<void>;
};
export type TracesOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly podName: string | null;
};

const remote = ({ traceId, spanId, traceFlags, traceState }: SpanContext): SpanContext => ({
  traceId,
  spanId,
  traceFlags,
  isRemote: true,
  ...(traceState === undefined ? {} : { traceState }),
});

const off: Traces = { observe: () => undefined, stop: async () => undefined };

const known = (attributes: Readonly<Record<string, string | number | null | undefined>>): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string | number] => entry[1] !== null && entry[1] !== undefined),
  );

/** The SDK does not read this variable itself; what is no number of milliseconds counts as absent, as its specification says. */
const delayOf = (text = ''): { readonly scheduledDelayMillis?: number } =>
  /^[1-9]\d{0,8}$/.test(text) ? { scheduledDelayMillis: Number(text) } : {};

type Ended = Extract<Observation, { kind: 'request_ended' }>;
/** An endpoint is a route of its own, as in /openapi.json; a name that is none stays out of it. */
const routeOf = ({ route, endpoint }: Ended): string | null => (endpoint === null ? route : (route?.replace('{name}', endpoint) ?? null));
/** To the conventions a 4xx is no error of the server's. */
const isError = ({ status }: Ended): boolean => status >= 500;

/** By OpenTelemetry's semantic conventions for HTTP servers; nothing that a caller chose, but its request's id. */
const requestAttributes = (event: Ended): Attributes =>
  known({
    'http.request.method': event.method,
    'http.route': routeOf(event),
    'http.response.status_code': event.status,
    'url.scheme': 'http',
    'url.path': routeOf(event),
    'error.type': isError(event) ? String(event.status) : null,
    'offloader.endpoint': event.endpoint,
    'offloader.key_id': event.keyId,
    'offloader.request_id': event.requestId,
    'offloader.snapshot_id': event.snapshotId,
    'offloader.cache': event.cache,
    'offloader.rows': event.rows,
    'offloader.pool_wait_ms': event.poolWaitMs,
    'offloader.query_ms': event.queryMs,
  });

/** A span per request and per load, with the times that were observed; a caller's trace goes on in it. */
export const createTraces = ({ environment, version, podName }: TracesOptions): Traces => {
  const isAsked = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some((name) => (environment[name] ?? '') !== '');
  if (!isAsked) return off;
  const provider = new TracerProvider({
    resource: resourceFromAttributes(
      known({
        'service.name': environment['OTEL_SERVICE_NAME'] ?? 'offloader-gateway',
        'service.version': version,
        'service.instance.id': podName,
      }),
    ),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), ...delayOf(environment['OTEL_BSP_SCHEDULE_DELAY']) })],
  });
  const tracer = provider.getTracer('offloader', version);
  const tell = (
    name: string,
    kind: SpanKind,
    tookMs: number,
    about: { attributes: Attributes; parent: SpanContext | null; failed: boolean },
  ): void => {
    const endTime = Date.now();
    const context = about.parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote(about.parent));
    const span = tracer.startSpan(name, { kind, startTime: endTime - tookMs, attributes: about.attributes }, context);
    if (about.failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  };
  return {
    observe: (event) => {
      // Bytes that are no request are nobody's span.
      if (event.kind === 'request_ended' && event.method !== null)
        tell([event.method, routeOf(event) ?? ''].join(' ').trim(), SpanKind.SERVER, event.tookMs, {
          attributes: requestAttributes(event),
          parent: event.trace,
          failed: isError(event),
        });
      if (event.kind === 'load_ended')
        tell('load snapshot', SpanKind.INTERNAL, event.tookMs, {
          attributes: known({
            'offloader.dataset': event.dataset,
            'offloader.snapshot_id': event.snapshotId,
            'offloader.rows': event.rows,
            'offloader.bytes': event.bytes,
          }),
          parent: null,
          failed: false,
        });
    },
    stop: async () => provider.shutdown().catch(() => undefined),
  };
};
