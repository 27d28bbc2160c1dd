/** Whether the server logs what the alarms look for. */
import type { Database } from '../postgres/database';

const NAMES = [
  'lc_messages',
  'log_destination',
  'log_line_prefix',
  'log_min_error_statement',
  'log_min_messages',
] as const;
type Name = (typeof NAMES)[number];

export interface LogSetting {
  readonly name: Name;
  readonly value: string;
  /** Empty for the server's; else the role or database that it was set for, in words. */
  readonly scope: string;
}

/** The server's settings, and what ALTER ROLE and ALTER DATABASE put in their place. */
export async function readLogSettings(db: Database): Promise<readonly LogSetting[]> {
  const names = NAMES.map((name) => `'${name}'`).join(', ');
  return db.query<LogSetting & Record<string, unknown>>(
    `SELECT name, reset_val AS value, '' AS scope FROM pg_settings WHERE name IN (${names})
     UNION ALL
     SELECT split_part(s.setting, '=', 1), substr(s.setting, strpos(s.setting, '=') + 1),
       concat_ws(' in ', CASE WHEN u.rolname IS NULL AND d.datname IS NULL THEN 'all roles' ELSE 'role ' || quote_ident(u.rolname) END,
         'database ' || quote_ident(d.datname))
     FROM pg_db_role_setting r
     CROSS JOIN LATERAL unnest(r.setconfig) AS s (setting)
     LEFT JOIN pg_roles u ON u.oid = r.setrole
     LEFT JOIN pg_database d ON d.oid = r.setdatabase
     WHERE split_part(s.setting, '=', 1) IN (${names})
       AND (r.setdatabase = 0 OR d.datname = current_database())
     ORDER BY 1, 3`,
  );
}

/** Sentences; none when the alarms see every error and the diagnosis every statement. */
export function logSettingProblems(settings: readonly LogSetting[]): readonly string[] {
  return settings.flatMap(({ name, value, scope }) => {
    const problem = PROBLEMS[name](value);
    const where = scope === '' ? '' : ` for ${scope}`;
    return problem === null ? [] : [`${name} is ${JSON.stringify(value)}${where}: ${problem}`];
  });
}

/** Null when it is as it should be. */
const PROBLEMS: Readonly<Record<Name, (value: string) => string | null>> = {
  lc_messages: (value) =>
    /^(C|POSIX|en[_-].*|English.*|)(\..*)?$/i.test(value)
      ? null
      : 'errors are logged in another language, and no alarm counts them. Set it to C.',
  // The levels in the order of the server's log; LOG stands above ERROR there.
  log_min_messages: (value) =>
    /^(log|fatal|panic)$/i.test(value)
      ? 'errors are not logged, and no alarm counts them. Set it to warning.'
      : null,
  log_min_error_statement: (value) =>
    /^(log|fatal|panic)$/i.test(value)
      ? 'statements of errors are not logged, so a page cannot say what ON CONFLICT named. Set it to error.'
      : null,
  log_destination: (value) =>
    value
      .split(',')
      .map((each) => each.trim())
      .includes('stderr')
      ? null
      : 'the alarms look for lines of the form that stderr has. Add it.',
  log_line_prefix: (value) =>
    value === '%t:%r:%u@%d:[%p]:' || /^%m:%r:%u@%d:\[%p\]:%l:%e:%s:%v:%x:%c:%q%a:?$/.test(value)
      ? null
      : 'a page can read the lines only with one of the prefixes that RDS has. Reset it.',
};
