import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Watching and disturbing the calls that clients make to the local endpoints. */

/** One call to S3 or SQS. */
export interface Call {
  /** The access key id that signed it, by which processes are told apart. Empty when nobody signed. */
  readonly caller: string;
  /** As AWS names it: `GetObject`, `PutObject`, `HeadObject`, `ReceiveMessage`, … */
  readonly action: string;
  /** Of S3. */
  readonly bucket?: string;
  readonly key?: string;
  /** Parameters of a call to SQS. May be changed in `before`. */
  readonly input: Record<string, unknown>;
}

export interface Answer {
  readonly status: number;
  /** Of SQS: its JSON, parsed. Of S3: nothing. */
  readonly output: Readonly<Record<string, unknown>>;
}

/** What a client gets instead of an answer: an error of AWS, a connection that breaks, or one that says nothing more. */
export type Fault = { readonly status: number; readonly code: string } | 'reset' | 'silence';

export interface CallHooks {
  /** Before a call takes effect. With a fault it takes none. */
  before?(call: Call): Promise<Fault | undefined> | Fault | undefined;
  /** When it has taken effect, before the answer is sent. With a fault the answer is lost; of a body, half of it. */
  after?(call: Call, answer: Answer): Fault | undefined;
  /** When an answer without a fault has been handed to the client's connection. */
  sent?(call: Call, answer: Answer): void;
}

const OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  HEAD: 'HeadObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
};

/** Calls the hooks for every request. Bodies of SQS calls must have been parsed by an earlier hook. */
export function addCallHooks(app: FastifyInstance, hooks: CallHooks): void {
  const calls = new WeakMap<FastifyRequest, { call: Call; answer: Answer }>();

  app.addHook('preHandler', async (request, reply) => {
    const call = describe(request);
    calls.set(request, { call, answer: { status: 0, output: {} } });
    const fault = await hooks.before?.(call);
    if (fault === undefined) return;
    calls.delete(request);
    // The hooks behind this one belong to a call that takes effect.
    if (typeof fault === 'string') {
      reply.hijack();
      if (fault === 'reset') request.raw.socket.destroy();
      return;
    }
    return sendFault(reply, call, fault);
  });

  // Callback style on purpose: fauxqs's handlers do not return the reply, and Fastify would answer once more while an
  // asynchronous hook is waited for.
  app.addHook('onSend', (request, reply, payload, done) => {
    const entry = calls.get(request);
    if (entry === undefined) return done(null, payload);
    const isSqs = entry.call.bucket === undefined;
    entry.answer = { status: reply.statusCode, output: isSqs ? parse(payload) : {} };
    const fault = hooks.after?.(entry.call, entry.answer);
    if (fault === undefined) return done(null, payload);
    calls.delete(request);
    if (typeof fault === 'string') {
      reply.hijack();
      breakOff(request.raw.socket, reply.statusCode, payload, fault);
      return;
    }
    for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
    reply.code(fault.status).type(faultType(entry.call));
    done(null, faultBody(entry.call, fault));
  });

  app.addHook('onResponse', async (request) => {
    const entry = calls.get(request);
    if (entry) hooks.sent?.(entry.call, entry.answer);
  });
}

/** Half of a body, and then the end of the connection, or nothing. */
function breakOff(socket: Socket, status: number, payload: unknown, fault: 'reset' | 'silence'): void {
  const end = () => fault === 'reset' && socket.destroy();
  if (!Buffer.isBuffer(payload) || payload.length < 2) {
    end();
    return;
  }
  const head = `HTTP/1.1 ${status} OK\r\nContent-Length: ${payload.length}\r\n\r\n`;
  const half = Buffer.concat([Buffer.from(head), payload.subarray(0, payload.length / 2)]);
  socket.write(half, end);
}

/** The access key id that signed a request, in a header or in a presigned URL. Empty when nobody signed. */
export function callerOf({ headers, query }: Pick<FastifyRequest, 'headers' | 'query'>): string {
  const { 'X-Amz-Credential': presigned = '' } = query as Record<string, string>;
  return /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? presigned.split('/')[0] ?? '';
}

/** Of a call to SQS, which one. Whatever else a header says, a path names a bucket. */
export function sqsOperation({ method, headers, params }: FastifyRequest): string | undefined {
  const { bucket } = params as { bucket?: string };
  const target = /^AmazonSQS\.(\w+)$/.exec(String(headers['x-amz-target']))?.[1];
  return method === 'POST' && bucket === undefined ? target : undefined;
}

function describe(request: FastifyRequest): Call {
  const { method, params, body } = request;
  const caller = callerOf(request);
  const operation = sqsOperation(request);
  if (operation !== undefined) return { caller, action: operation, input: body as Record<string, unknown> };
  const { bucket = '', '*': key = '' } = params as { bucket?: string; '*'?: string };
  return { caller, action: (key && OBJECT_ACTIONS[method]) || method, bucket, key, input: {} };
}

function parse(payload: unknown): Record<string, unknown> {
  try {
    return Object(JSON.parse(String(payload)));
  } catch {
    return {};
  }
}

function sendFault(reply: FastifyReply, call: Call, fault: Exclude<Fault, string>) {
  return reply.code(fault.status).type(faultType(call)).send(faultBody(call, fault));
}

const faultType = ({ bucket }: Call) => (bucket === undefined ? 'application/x-amz-json-1.0' : 'application/xml');

function faultBody({ bucket }: Call, { code }: { code: string }): string {
  if (bucket === undefined) return JSON.stringify({ __type: code, message: 'injected' });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>injected</Message></Error>`;
}
