import type { Client } from 'pg';

/** As it was created, but for roles. */
export async function emptied(client: Client): Promise<void> {
  await client.query('RESET ALL');
  const { rows } = await client.query<{ drop: string }>(
    `SELECT format('DROP PUBLICATION %I', pubname) AS drop FROM pg_publication
     UNION ALL SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger
     UNION ALL SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
       WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
     UNION ALL SELECT format('ALTER DATABASE %I RESET ALL', current_database())`,
  );
  for (const { drop } of rows) await client.query(drop);
  await client.query('CREATE SCHEMA public');
}
