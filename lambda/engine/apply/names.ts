/** Whose run it is, and as whom and where its statements run. */
export interface Names {
  readonly namespace: string;
  readonly deployment: string;
  readonly ownerRole: string | null;
  /** Pinned for each transaction, whatever an earlier file left of the session's path. @default - the login's search_path */
  readonly schemas?: readonly string[] | null;
}
