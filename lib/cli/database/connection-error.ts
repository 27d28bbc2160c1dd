/** Explains why a database cannot be reached, and what to do about it on the command line. */
import { type ErrorInfo, TrueupError } from '../../../lambda/contract/errors';
import { describeConnectionError } from '../../../lambda/engine/apply/connection-failures';
import { buildBundleUrl, parseRegion } from '../../../lambda/postgres/amazon-roots';
import type { ConnectionLostError } from '../../../lambda/postgres/database';
import type { ConnectionTarget } from './connection';

const UNTRUSTED_CERTIFICATE = /self[- ]signed|unable to (verify|get)|issuer certificate/;

/** pg's error messages for which the command line knows more than the engine does. pg has no codes for these errors. */
const HINTS: readonly (readonly [RegExp, message: string, remedy: string])[] = [
  [
    /timeout expired|ETIMEDOUT/,
    'the server does not respond',
    'A firewall or security group may drop the packets; check the VPN or tunnel. For a database that ' +
      'only the deployed function can reach, use --stack.',
  ],
  [/does not support SSL/, 'the server does not offer TLS', 'If this is intended, give --ssl-mode disable.'],
  [
    UNTRUSTED_CERTIFICATE,
    'the certificate of the server is not signed by a trusted CA',
    'Give the CA certificate with --ssl-root-cert FILE, or `rds` for Amazon RDS and Aurora.',
  ],
  [
    /password must be a string/,
    'the server asks for a password',
    'Put it into the URL, PGPASSWORD or ~/.pgpass.',
  ],
];

/**
 * Names the download for a region of whose roots this version has no copy: China, GovCloud, or a region to which RDS
 * came later.
 */
function buildDownloadHint(host: string | undefined): string {
  const region = parseRegion(host ?? '');
  return region === undefined
    ? ''
    : ` For Amazon's certificates of ${region}, download ${buildBundleUrl(region)} and give --ssl-root-cert ${region}-bundle.pem.`;
}

export function toConnectionError(error: ConnectionLostError, { label, pg }: ConnectionTarget): TrueupError {
  const info: ErrorInfo = describeConnectionError(error);
  const [words, message, remedy] = HINTS.find(([words]) => words.test(error.message)) ?? [
    null,
    info.message,
    info.remedy,
  ];
  return new TrueupError(
    {
      ...info,
      message: `cannot connect to ${label}: ${message}`,
      remedy: remedy + (words === UNTRUSTED_CERTIFICATE ? buildDownloadHint(pg.host) : ''),
    },
    { cause: error },
  );
}
