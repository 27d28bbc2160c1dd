/** The exit codes. They are documented in docs/cli-reference.md and in `trueup --help`; their numbers never change. */
export const EXIT = {
  ok: 0,
  /** A migration, a check or the server reported an error. */
  failed: 1,
  /** An option is invalid, or a folder or setting is missing. Nothing was tried. */
  usage: 2,
  /** Migrations are pending, or the time was up before all were applied. */
  pending: 3,
  /** The database no longer is what applied migrations verified, or lacks what the application needs. */
  drifted: 4,
  /** The database cannot be reached or rejects the login. */
  unreachable: 5,
  /**
   * `audit` has findings that are confirmed or missing (confidence A or B), or `adopt` found that the ledger and the database
   * disagree.
   */
  found: 6,
  /** Ctrl-C, with the exit code that shells use for it: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_HELP = `Exit codes:
  0    success
  1    failed: a file, a migration or the server reported an error
  2    usage error: invalid option, folder or setting
  3    pending: migrations are pending (with --exit-code), or \`up\` ran out of time
  4    drifted: \`verify\` found drift, or \`check-workload\` found a statement that fails
  5    the database cannot be reached or rejects the login
  6    found: \`audit\` has findings of confidence A or B, or \`adopt\` found that the ledger and the database disagree
  130  stopped with Ctrl-C`;
