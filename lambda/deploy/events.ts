/** What the provider framework hands to the two handlers and takes from them. */

export interface OnEventRequest {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly RequestId: string;
  readonly StackId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

export interface OnEventResponse {
  readonly PhysicalResourceId: string;
  /** ISO time. The framework carries it along to every poll, since nothing else lives between two of them. */
  readonly StartedAt: string;
}

export type IsCompleteRequest = OnEventRequest & OnEventResponse;

/** The framework refuses `Data` while not complete. */
export type IsCompleteResponse =
  | { readonly IsComplete: false }
  | { readonly IsComplete: true; readonly Data: Readonly<Record<string, string>> };
