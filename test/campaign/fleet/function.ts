/**
 * The function of a fleet's server as a process of its own, which may be killed at any moment: a request in, an answer out.
 * Arguments: the server's URL, a file with the manifest, a file with {@link FleetFile}, the namespace.
 */
import { readFileSync } from 'node:fs';
import type { FleetFile } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import { handleRequest } from '../../../lambda/migrate/actions';
import { connectPg } from '../../../lambda/postgres/pg';

const [server, manifestFile, fleetFile, namespace] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];
const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest;
const fleet = JSON.parse(readFileSync(fleetFile, 'utf8')) as FleetFile;
const SLICE_MS = 10_000;

process.on('message', async (request: MigrateRequest) => {
  const answer = await handleRequest(request, {
    settings: { namespace, ownerRole: null },
    manifest,
    fleet,
    connect: ({ database, readOnly, namespace: of = namespace } = {}) => {
      const url = new URL(server);
      if (database !== undefined) url.pathname = `/${encodeURIComponent(database)}`;
      return connectPg({ url: url.href, readOnly, applicationName: `trueup ${of}` });
    },
    progress: () => {},
    deadline: Date.now() + SLICE_MS,
  });
  process.send!(answer);
});
