/** Checks whether the server logs what the alarms look for. */
import type { Database } from '../postgres/database';

const SETTING_NAMES = [
  'lc_messages',
  'log_destination',
  'log_line_prefix',
  'log_min_error_statement',
  'log_min_messages',
] as const;
type SettingName = (typeof SETTING_NAMES)[number];

export interface LogSetting {
  readonly name: SettingName;
  readonly value: string;
  /** The role or database that the value was set for, in words. Empty for the server's own value. */
  readonly scope: string;
}

/** Reads the server's settings and the overrides of ALTER ROLE and ALTER DATABASE. */
export async function readLogSettings(db: Database): Promise<readonly LogSetting[]> {
  const names = SETTING_NAMES.map((name) => `'${name}'`).join(', ');
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

/** Describes settings that hide errors from the alarms, or statements from the diagnosis. Empty if there are none. */
export function listLogSettingProblems(settings: readonly LogSetting[]): readonly string[] {
  return settings.flatMap(({ name, value, scope }) => {
    const problem = SETTING_CHECKS[name](value);
    const where = scope === '' ? '' : ` for ${scope}`;
    return problem === null ? [] : [`${name} is ${JSON.stringify(value)}${where}: ${problem}`];
  });
}

/** For each setting, returns the problem with a value, or null if there is none. */
const SETTING_CHECKS: Readonly<Record<SettingName, (value: string) => string | null>> = {
  lc_messages: (value) =>
    /^(C|POSIX|en[_-].*|English.*|)(\..*)?$/i.test(value)
      ? null
      : 'errors are logged in another language, so no alarm counts them. Set it to C.',
  // In the order of log_min_messages, LOG is above ERROR.
  log_min_messages: (value) =>
    /^(log|fatal|panic)$/i.test(value)
      ? 'errors are not logged, so no alarm counts them. Set it to warning.'
      : null,
  log_min_error_statement: (value) =>
    /^(log|fatal|panic)$/i.test(value)
      ? 'failing statements are not logged, so a page cannot show their ON CONFLICT clause. Set it to error.'
      : null,
  log_destination: (value) =>
    value
      .split(',')
      .map((each) => each.trim())
      .includes('stderr')
      ? null
      : 'the alarms only recognize lines in the format of stderr. Add stderr to it.',
  log_line_prefix: (value) =>
    value === '%t:%r:%u@%d:[%p]:' || /^%m:%r:%u@%d:\[%p\]:%l:%e:%s:%v:%x:%c:%q%a:?$/.test(value)
      ? null
      : 'the pager can only read lines with one of the prefixes of RDS. Reset it.',
};
