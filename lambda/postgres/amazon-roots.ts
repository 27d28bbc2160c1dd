/**
 * Amazon's certificate authorities for RDS and Aurora, three per region (amazon-roots.json). They are the self-signed
 * roots of https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem, taken from AWS Labs'
 * awslabs.postgres-mcp-server 1.2.2 (Apache-2.0). The first 108 certificates there are that file, byte for byte,
 * according to copies that others recorded in September 2026 (SHA-256
 * e5bb2084ccf45087bda1c9bffdea0eb15ee67f0b91646106e466714f9de3c7e3). The roots of the beta and preview environments are
 * left out. Those of China and GovCloud are in separate bundles and are not included.
 */

/** PEM texts by region. */
export type AmazonRoots = Readonly<Record<string, readonly string[]>>;

/** Returns the region in an RDS or Aurora endpoint, or undefined for any other host. */
export function parseRegion(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    name.match(/\.([a-z0-9-]+)\.rds\.amazonaws\.com$/)?.[1] ??
    name.match(/\.rds\.([a-z0-9-]+)\.amazonaws\.com\.cn$/)?.[1]
  );
}

/**
 * Returns the URL at which AWS publishes a region's certificate authorities
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html).
 */
export function buildBundleUrl(region: string): string {
  const file = `${region}/${region}-bundle.pem`;
  if (region.startsWith('cn-')) return `https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/${file}`;
  if (region.startsWith('us-gov-')) return `https://truststore.pki.us-gov-west-1.rds.amazonaws.com/${file}`;
  return `https://truststore.pki.rds.amazonaws.com/${file}`;
}

/**
 * Returns the certificate authorities of the host's region as one PEM text, or undefined if the host is not an RDS
 * endpoint or its region is not included.
 */
export function findRootCertificates(host: string, roots: AmazonRoots): string | undefined {
  const region = parseRegion(host);
  return region !== undefined && Object.hasOwn(roots, region) ? roots[region]!.join('') : undefined;
}
