/** Why a database cannot be reached, and what to do on a command line. */
import { type ErrorInfo, TrueupError } from '../../../lambda/contract/errors';
import { connectionError } from '../../../lambda/engine/apply/connection-failures';
import { bundleUrl, regionOfHost } from '../../../lambda/postgres/amazon-roots';
import type { ConnectionLost } from '../../../lambda/postgres/database';
import type { ConnectionTarget } from './connection';

const NOT_TRUSTED = /self[- ]signed|unable to (verify|get)|issuer certificate/;

/** Where the command line knows more than the engine does, by pg's own words: it has no codes for these. */
const HINTS: readonly (readonly [RegExp, message: string, remedy: string])[] = [
  [
    /timeout expired|ETIMEDOUT/,
    'the server does not answer',
    'A firewall or security group in between may drop the packets; check the VPN or tunnel. For a database that ' +
      'only the deployed function can reach, use --stack.',
  ],
  [/does not support SSL/, 'the server does not offer TLS', 'If that is intended, give --ssl-mode disable.'],
  [
    NOT_TRUSTED,
    'its certificate is not signed by an authority that is trusted here',
    'Give that authority: --ssl-root-cert FILE, or `rds` for Amazon RDS and Aurora.',
  ],
  [
    /password must be a string/,
    'the server asks for a password',
    'Put it into the URL, PGPASSWORD or ~/.pgpass.',
  ],
];

/** Of a region that this version has no copy of, in China and GovCloud and where RDS came later. */
function downloadHint(host: string | undefined): string {
  const region = regionOfHost(host ?? '');
  return region === undefined
    ? ''
    : ` Amazon's for ${region}: download ${bundleUrl(region)}, and give --ssl-root-cert ${region}-bundle.pem.`;
}

export function explainConnection(error: ConnectionLost, { label, pg }: ConnectionTarget): TrueupError {
  const info: ErrorInfo = connectionError(error);
  const [words, message, remedy] = HINTS.find(([words]) => words.test(error.message)) ?? [
    null,
    info.message,
    info.remedy,
  ];
  return new TrueupError(
    {
      ...info,
      message: `cannot connect to ${label}: ${message}`,
      remedy: remedy + (words === NOT_TRUSTED ? downloadHint(pg.host) : ''),
    },
    { cause: error },
  );
}
