/** Requests to the custom resource: sent to the framework's first function, answered at the response URL. */
import { randomUUID } from 'node:crypto';

export interface CustomResourceAnswer {
  /** The reason, as the stack's events show it; null on success. */
  readonly failed: string | null;
  /** Null when nobody answered. */
  readonly physicalId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface CustomResourceRequest extends Readonly<Record<string, unknown>> {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly RequestId: string;
  readonly StackId: string;
  readonly ResponseURL: string;
}

/** What came in at a response URL. */
export interface RecordedAnswer {
  readonly requestId: string;
  readonly requestType: string;
  readonly status: 'SUCCESS' | 'FAILED';
  readonly reason: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  /** False when CloudFormation no longer waited for it. */
  readonly counted: boolean;
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html */
const MAX_ANSWER_BYTES = 4096;

interface Open {
  readonly request: CustomResourceRequest;
  readonly settle: (answer: CustomResourceAnswer) => void;
}

export interface CustomResourcesOptions {
  /** Invokes the framework's first function, as an event. */
  readonly send: (request: CustomResourceRequest) => Promise<void>;
  /** How long CloudFormation waits for an answer. */
  readonly serviceTimeoutMs: number;
}

export class CustomResources {
  /** Every answer, oldest first. */
  readonly answers: RecordedAnswer[] = [];
  readonly requests: CustomResourceRequest[] = [];
  /** How a request reaches the function: once and at once, unless a test says otherwise. */
  deliver: (request: CustomResourceRequest, send: () => Promise<void>) => Promise<void> = (_, send) => send();
  private readonly open = new Map<string, Open>();
  private readonly types = new Map<string, string>();

  constructor(private readonly options: CustomResourcesOptions) {}

  async request(part: Readonly<Record<string, unknown>>): Promise<CustomResourceAnswer> {
    const requestId = randomUUID();
    const request = {
      ...part,
      RequestId: requestId,
      // Only the path counts: where the framework connects to is decided in its process.
      ResponseURL: `https://cloudformation-custom-resource-response.invalid/response/${requestId}?signed=${randomUUID()}`,
    } as CustomResourceRequest;
    this.requests.push(request);
    this.types.set(requestId, request.RequestType);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle(failure('CloudFormation did not receive a response from your Custom Resource.')),
        this.options.serviceTimeoutMs,
      ).unref();
      const settle = (answer: CustomResourceAnswer): void => {
        clearTimeout(timer);
        this.open.delete(requestId);
        resolve(answer);
      };
      this.open.set(requestId, { request, settle });
      this.deliver(request, () => this.options.send(request)).catch(reject);
    });
  }

  /** CloudFormation stops waiting: what comes later is not heard. */
  abandon(stackId: string, reason: string): void {
    for (const { request, settle } of [...this.open.values()]) {
      if (request.StackId === stackId) settle(failure(reason));
    }
  }

  /** The PUT to a response URL. */
  respond(requestId: string, body: string): void {
    const open = this.open.get(requestId);
    const { Status, Reason, PhysicalResourceId, Data } = JSON.parse(body);
    const bytes = Buffer.byteLength(body);
    this.answers.push({
      requestId,
      requestType: this.types.get(requestId) ?? '',
      status: Status,
      reason: Reason ?? '',
      data: Data ?? {},
      bytes,
      counted: open !== undefined,
    });
    open?.settle(
      bytes > MAX_ANSWER_BYTES
        ? failure('Response object is too long.')
        : {
            failed:
              Status === 'SUCCESS'
                ? null
                : `Received response status [FAILED] from custom resource. Message returned: ${Reason} (RequestId: ${requestId})`,
            physicalId: PhysicalResourceId,
            data: Data ?? {},
          },
    );
  }
}

const failure = (reason: string): CustomResourceAnswer => ({ failed: reason, physicalId: null, data: {} });
