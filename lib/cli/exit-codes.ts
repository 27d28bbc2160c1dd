/** What the command answers to a shell. Documented in docs/cli-reference.md and in `trueup --help`; numbers never change. */
export const EXIT = {
  ok: 0,
  /** A migration, a check or the server said no. */
  failed: 1,
  /** A wrong option, a missing folder or setting: nothing was tried. */
  usage: 2,
  /** Migrations wait to be applied, or the time was up before all were. */
  pending: 3,
  /** The database is not what applied migrations promised, or what the application needs. */
  drifted: 4,
  /** The database cannot be reached, or refuses the login. */
  unreachable: 5,
  /** `audit` found what is proved or lost (grade A or B); `adopt`, that a ledger is not what the database is. */
  found: 6,
  /** Ctrl-C, as shells count it: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_HELP = `Exit codes:
  0    done, and nothing is wrong
  1    failed: a file, a migration or the server says no
  2    wrong use: an option, a folder or a setting
  3    pending: migrations are pending (with --exit-code), or \`up\` ran out of time
  4    drifted: \`verify\` found drift: something is no longer as it should be; or \`rehearse\` a statement that fails
  5    the database cannot be reached, or refuses the login
  6    found: \`audit\` has findings of grade A or B, or \`adopt\` that the ledger is not what the database is
  130  stopped with Ctrl-C`;
