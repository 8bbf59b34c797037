"""Certificates for TLS at the broker, made in the test: an authority, servers, clients, CRLs."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Certificate"]

_DAY: Final = timedelta(days=1)


class Certificate(NamedTuple):
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A certificate authority that signs itself."""

    def __init__(self, name: str) -> None:
        """Make its key."""
        self._name = _subject(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        public_key = self._key.public_key()
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(self._name, public_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate: Final = certificate.public_bytes(serialization.Encoding.PEM)

    def server(self, address: str = "127.0.0.1") -> Certificate:
        """For a server at an address."""
        name = x509.IPAddress(ipaddress.ip_address(address))
        return self._sign(address, x509.SubjectAlternativeName([name]))

    def client(self, name: str, *, is_expired: bool = False) -> Certificate:
        """For equipment with this username."""
        return self._sign(
            name, x509.BasicConstraints(ca=False, path_length=None), is_expired=is_expired
        )

    def revocations(self, *certificates: Certificate, is_expired: bool = False) -> bytes:
        """The list of those that are revoked, as PEM."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - 2 * _DAY)
            .next_update(now - _DAY if is_expired else now + _DAY)
        )
        for each in certificates:
            number = x509.load_pem_x509_certificate(each.certificate).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now)
            builder = builder.add_revoked_certificate(revoked.build())
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def _sign(
        self,
        name: str,
        extension: x509.ExtensionType,
        *,
        is_expired: bool = False,
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._builder(_subject(name), key.public_key(), is_expired=is_expired)
            .add_extension(extension, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )

    def _builder(
        self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, is_expired: bool = False
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * _DAY)
            .not_valid_after(now - _DAY if is_expired else now + _DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
