/** Types that the provider framework passes to the two handlers and accepts from them. */

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
  /** ISO time. The framework passes it to every poll; nothing else is kept between two polls. */
  readonly StartedAt: string;
}

export type IsCompleteRequest = OnEventRequest & OnEventResponse;

/** The framework rejects `Data` while the request is not complete. */
export type IsCompleteResponse =
  | { readonly IsComplete: false }
  | { readonly IsComplete: true; readonly Data: Readonly<Record<string, string>> };
