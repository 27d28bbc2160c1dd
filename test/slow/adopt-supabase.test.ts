/** A database of Supabase, with its services' tables and ledgers, taken over whole; and a new one. */
import { describe, expect, test } from 'vitest';
import { SUPABASE } from '../adopt/supabase';
import { folderOf, newFolder } from '../adopt/support';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, outerMajors } from '../support/database';

const FILES: Readonly<Record<string, string>> = {
  '20240101000000_profiles.sql': `SET statement_timeout = 0;
SET check_function_bodies = false;
CREATE TABLE public.profiles (id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE, "fullName" text, avatar text);
ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Everybody reads" ON public.profiles FOR SELECT USING (true);
CREATE POLICY "One's own" ON public.profiles FOR UPDATE TO authenticated USING ((SELECT auth.uid()) = id);
CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  INSERT INTO public.profiles (id, "fullName") VALUES (new.id, new.raw_user_meta_data ->> 'full_name');
  RETURN new;
END $$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
INSERT INTO storage.buckets (id, name) VALUES ('avatars', 'avatars');
CREATE POLICY "Avatars" ON storage.objects FOR SELECT USING (bucket_id = 'avatars');
`,
  '20240102000000_realtime.sql': `ALTER PUBLICATION supabase_realtime ADD TABLE public.profiles;
GRANT ALL ON TABLE public.profiles TO postgres, service_role;
ALTER TABLE public.profiles DROP COLUMN avatar;
CREATE TABLE public.notes (id uuid PRIMARY KEY DEFAULT extensions.uuid_generate_v4(), owner uuid DEFAULT auth.uid());
`,
};

/** As its command line leaves it. */
const LEDGER = `CREATE SCHEMA supabase_migrations;
  CREATE TABLE supabase_migrations.schema_migrations (version text PRIMARY KEY, statements text[], name text);
  INSERT INTO supabase_migrations.schema_migrations (version, name) VALUES ('20240101000000', 'profiles'), ('20240102000000', 'realtime');`;

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('proved without a finding, taken over, a no-op; a new database gets all', async () => {
    const [url, fresh] = [await createDatabase(major), await createDatabase(major)];
    for (const each of [url, fresh]) await (await connect(each)).query(SUPABASE);
    const client = await connect(url);
    for (const sql of Object.values(FILES)) await client.query(sql);
    await client.query('RESET ALL');
    await client.query(LEDGER);
    const folder = folderOf(FILES, 'supabase/migrations');
    const output = newFolder();
    const at = ['--database-url', url];
    const adopted = await trueup(['adopt', folder, ...at, '--output', output, '--json']);
    expect(JSON.parse(adopted.stdout)).toMatchObject({
      tool: 'Supabase',
      ledger: '"supabase_migrations"."schema_migrations"',
      entries: [{ state: 'applied' }, { state: 'applied' }],
      findings: [],
      notReplayed: [],
    });
    expect(adopted.code).toBe(0);
    expect(await trueup(['baseline', '20240102000000_realtime', output, ...at])).toMatchObject({ code: 0 });
    const again = await trueup(['up', output, ...at, '--json']);
    expect([again.code, JSON.parse(again.stdout).report.applied]).toEqual([0, []]);

    const first = await trueup(['up', output, '--database-url', fresh, '--json']);
    expect(JSON.parse(first.stdout)).toMatchObject({
      report: { applied: ['20240101000000_profiles', '20240102000000_realtime'] },
    });

    // What somebody changed by hand beside the files is still found.
    await client.query(
      'DROP POLICY "One\'s own" ON public.profiles; GRANT SELECT ON public.notes TO dashboard_user',
    );
    const changed = await trueup(['adopt', folder, ...at, '--json']);
    expect(
      JSON.parse(changed.stdout).findings.map(({ kind, id }: Record<string, string>) => `${kind} ${id}`),
    ).toEqual(['missing missing-policy', 'extra missing-grant']);
  });
});
