/** The endpoint of a server: what it must look like, and which ones lead to something that takes no migrations. */
import { isIP, isIPv4 } from 'node:net';
import { CfnResource, Reference, Token, Tokenization } from 'aws-cdk-lib';
import { type Check, fault } from './check';

const MUST = "must be the host name of the writer's endpoint, without scheme, port, user or path";

const LABEL = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

export const host: Check = (value, name) => {
  if (typeof value !== 'string') return fault(name, value, MUST);
  if (Token.isUnresolved(value)) return wrongReference(value, name);
  if (isIP(value.replace(/^\[|\]$/g, '')) === 6) {
    return fault(name, value, `${MUST}; Trueup's function speaks IPv4 only`);
  }
  const wrong = WRONG.find(({ matches }) => matches.test(value));
  if (wrong) return fault(name, value, wrong.what);
  return isIPv4(value) || isHostName(value) ? undefined : fault(name, value, MUST);
};

/** A dot at the end is DNS's own way to say that a name is whole. */
function isHostName(value: string): boolean {
  const labels = value.replace(/\.$/, '').split('.');
  // Digits alone would be a mistyped address.
  return value.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}

const READER =
  "leads to read-only replicas; give the writer's endpoint (of a cluster: ….cluster-…, without ro)";
const PROXY =
  "leads to RDS Proxy, which pins sessions and hides who holds a lock; give the database's own endpoint";

/** Names that say what is behind them. */
const WRONG: readonly { readonly matches: RegExp; readonly what: string }[] = [
  { matches: /\.proxy-[a-z0-9]+\./i, what: PROXY },
  { matches: /\.cluster-ro-[a-z0-9]+\./i, what: READER },
  {
    matches: /\.cluster-custom-[a-z0-9]+\./i,
    what: "is a cluster's custom endpoint, which may lead to a reader; give the writer's endpoint",
  },
  {
    matches: /\.dsql(?:-[a-z0-9]+)?\.[a-z0-9-]+\.on\.aws\.?$/i,
    what: 'leads to Aurora DSQL, which allows one DDL statement a transaction and has no PL/pgSQL; Trueup cannot work there',
  },
  {
    matches: /\.redshift(?:-serverless)?\.amazonaws\.com(?:\.cn)?\.?$/i,
    what: 'leads to Redshift, which is not PostgreSQL; Trueup cannot work there',
  },
  {
    matches: /^(?:localhost\.?|127(?:\.\d+){3}|0\.0\.0\.0)$/i,
    what: "is the machine that connects, here the function itself; give the server's endpoint",
  },
];

/** An endpoint of this app is a token, but what it is made of is known. */
function wrongReference(value: string, name: string): string | undefined {
  for (const reference of referencesIn(value)) {
    const type = (reference.target as CfnResource).cfnResourceType;
    const what = /^AWS::RDS::DBProxy/.test(type)
      ? PROXY
      : /^ReadEndpoint\b/.test(reference.displayName)
        ? READER
        : undefined;
    if (what !== undefined)
      return `${name} is ${reference.displayName} of ${reference.target.node.path}; it ${what}`;
  }
  return undefined;
}

/** What a value is made of, e.g. the cluster's name in its ARN: that is what other stacks import. */
export function referencesIn(value: string | number | undefined): Reference[] {
  const tokens =
    typeof value === 'string'
      ? Tokenization.reverseString(value).tokens
      : [typeof value === 'number' ? Tokenization.reverseNumber(value) : undefined];
  return tokens.filter(
    (token): token is Reference => Reference.isReference(token) && CfnResource.isCfnResource(token.target),
  );
}
