/** The copy of Amazon's certificate authorities for RDS: whose they are, and that no region is missing. */
import { createHash, X509Certificate } from 'node:crypto';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { describe, expect, it, test } from 'vitest';
import { buildBundleUrl, findRootCertificates, parseRegion } from '../../lambda/postgres/amazon-roots';
import ROOTS from '../../lambda/postgres/amazon-roots.json';

const certificates = Object.entries(ROOTS).flatMap(([region, texts]) =>
  texts.map((pem) => ({ region, pem, certificate: new X509Certificate(pem) })),
);

/** CDK knows its name, and AWS's bundle of September 2026 did not have it yet. */
const ANNOUNCED = ['me-west-1'];
/** With bundles of their own, of which there is no copy here; and partitions that the public does not reach. */
const ELSEWHERE = /^(cn|us-gov|us-iso[bef]?|eu-isoe|eusc)-/;

describe('the copy', () => {
  it('has the regions that CDK knows, and three authorities for each', () => {
    const regions = RegionInfo.regions.map(({ name }) => name).filter((name) => !ELSEWHERE.test(name));
    expect(regions.length).toBeGreaterThan(30);
    expect(regions.filter((name) => !Object.hasOwn(ROOTS, name))).toEqual(ANNOUNCED);
    expect(Object.keys(ROOTS)).toHaveLength(34);
    for (const [region, texts] of Object.entries(ROOTS)) {
      const subjects = texts.map((pem) => /CN=(.*)/.exec(new X509Certificate(pem).subject)![1]);
      expect(subjects).toEqual(
        ['RSA2048', 'RSA4096', 'ECC384'].map((key) => `Amazon RDS ${region} Root CA ${key} G1`),
      );
    }
  });

  it('holds nothing but self-signed roots of Amazon, valid for years', () => {
    const inTenYears = new Date(Date.now() + 10 * 365 * 86_400_000);
    for (const { region, certificate } of certificates) {
      expect(certificate.subject.replaceAll('\\,', ','), region).toMatch(/^O=Amazon Web Services, Inc\.$/m);
      expect(certificate.subject).toMatch(/^OU=Amazon RDS$/m);
      expect(certificate.issuer).toBe(certificate.subject);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.ca).toBe(true);
      expect(new Date(certificate.validFrom) < new Date()).toBe(true);
      expect(new Date(certificate.validTo) > inTenYears).toBe(true);
    }
  });

  it('is the one that was compared with what AWS publishes', () => {
    const fingerprints = certificates.map(({ certificate }) => certificate.fingerprint256);
    expect(new Set(fingerprints).size).toBe(102);
    expect(createHash('sha256').update(fingerprints.sort().join('\n')).digest('hex')).toBe(
      'f68f61c58d4c9d3499975a8a5315fce4e59c6ff247434da7133161b2b0e1cd70',
    );
  });
});

test.each([
  ['shop.c1a2b3.eu-west-1.rds.amazonaws.com', 'eu-west-1'],
  ['shop.cluster-c1a2b3.ap-southeast-7.rds.amazonaws.com', 'ap-southeast-7'],
  ['SHOP.C1A2B3.EU-WEST-1.RDS.AMAZONAWS.COM.', 'eu-west-1'],
  ['shop.c1a2b3.us-gov-west-1.rds.amazonaws.com', 'us-gov-west-1'],
  ['shop.c1a2b3.rds.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
  ['db.example.com', undefined],
  ['eu-west-1.rds.amazonaws.com.example.com', undefined],
  ['rds.amazonaws.com', undefined],
  ['127.0.0.1', undefined],
])('the region of %s: %s', (host, region) => {
  expect(parseRegion(host)).toBe(region);
  const known = region !== undefined && !ELSEWHERE.test(region);
  expect(findRootCertificates(host, ROOTS)?.match(/BEGIN CERTIFICATE/g)).toEqual(
    known ? Array(3).fill('BEGIN CERTIFICATE') : undefined,
  );
});

test('where each partition publishes them', () => {
  expect(['eu-west-1', 'us-gov-east-1', 'cn-northwest-1'].map(buildBundleUrl)).toEqual([
    'https://truststore.pki.rds.amazonaws.com/eu-west-1/eu-west-1-bundle.pem',
    'https://truststore.pki.us-gov-west-1.rds.amazonaws.com/us-gov-east-1/us-gov-east-1-bundle.pem',
    'https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/cn-northwest-1/cn-northwest-1-bundle.pem',
  ]);
});
