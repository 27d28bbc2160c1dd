/** The namespace and deployment of a run, and the role and search path of its statements. */
export interface RunNames {
  readonly namespace: string;
  readonly deployment: string;
  readonly ownerRole: string | null;
  /**
   * Schemas of the search path. They are set for each transaction, so that an earlier file's SET has no effect.
   * @default - the login's search_path
   */
  readonly schemas?: readonly string[] | null;
}
