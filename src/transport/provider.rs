//! The cryptography of rustls' ring provider, less what signs.
//!
//! A client without a certificate of its own never signs, but rustls' `default_provider()` brings the code for
//! private keys of three kinds into every program: 80 KB, a thirtieth of a small one. All the rest is the same
//! here, and a test holds it against the original.

use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::SignatureScheme;
use rustls::crypto::ring::{DEFAULT_CIPHER_SUITES, DEFAULT_KX_GROUPS};
use rustls::crypto::{CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use webpki::ring as algorithm;

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: DEFAULT_CIPHER_SUITES.to_vec(),
        kx_groups: DEFAULT_KX_GROUPS.to_vec(),
        signature_verification_algorithms: VERIFIED,
        secure_random: &Random,
        key_provider: &NoKeys,
    }
}

/// The randomness of the operating system.
#[derive(Debug)]
struct Random;

impl SecureRandom for Random {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new().fill(bytes).map_err(|_| GetRandomFailed)
    }
}

/// Takes no private key. Nobody gives one: only a client certificate would come with it.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("client certificates are not supported".to_owned()))
    }
}

/// The signatures that are believed, in certificates and in handshakes.
const VERIFIED: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        algorithm::ECDSA_P256_SHA256,
        algorithm::ECDSA_P256_SHA384,
        algorithm::ECDSA_P384_SHA256,
        algorithm::ECDSA_P384_SHA384,
        algorithm::ED25519,
        algorithm::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        algorithm::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        algorithm::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        algorithm::RSA_PKCS1_2048_8192_SHA256,
        algorithm::RSA_PKCS1_2048_8192_SHA384,
        algorithm::RSA_PKCS1_2048_8192_SHA512,
        algorithm::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        algorithm::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        algorithm::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    // In the order in which they are offered. TLS 1.2 does not say the curve, so both are tried there.
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[algorithm::ECDSA_P384_SHA384, algorithm::ECDSA_P256_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[algorithm::ECDSA_P256_SHA256, algorithm::ECDSA_P384_SHA256],
        ),
        (SignatureScheme::ED25519, &[algorithm::ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[algorithm::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[algorithm::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA256, &[algorithm::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[algorithm::RSA_PKCS1_2048_8192_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[algorithm::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[algorithm::RSA_PKCS1_2048_8192_SHA256]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::SignatureVerificationAlgorithm;

    /// What an algorithm shows: the identifiers of key and signature, and ring's name for it.
    fn shown(algorithms: &[&'static dyn SignatureVerificationAlgorithm]) -> Vec<String> {
        algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect()
    }

    #[test]
    fn all_but_signing_is_that_of_rustls() {
        let (ours, theirs) = (provider(), default_provider());
        assert_eq!(ours.cipher_suites, theirs.cipher_suites);
        let names = |provider: &CryptoProvider| {
            provider.kx_groups.iter().map(|group| group.name()).collect::<Vec<_>>()
        };
        assert_eq!(names(&ours), names(&theirs));

        let (ours, theirs) =
            (ours.signature_verification_algorithms, theirs.signature_verification_algorithms);
        let set = |algorithms| shown(algorithms).into_iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(set(ours.all), set(theirs.all));
        assert_eq!(set(ours.all).len(), ours.all.len(), "what is shown tells them apart");
        let mapping = |of: &WebPkiSupportedAlgorithms| {
            of.mapping.iter().map(|(scheme, tried)| (*scheme, shown(tried))).collect::<Vec<_>>()
        };
        assert_eq!(mapping(&ours), mapping(&theirs));
    }

    #[test]
    fn random_bytes_and_no_keys() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        let provider = provider();
        provider.secure_random.fill(&mut one).unwrap();
        provider.secure_random.fill(&mut two).unwrap();
        assert!(one != two && one != [0; 32]);
        let key = rcgen::KeyPair::generate().unwrap().serialize_der();
        let refused = provider.key_provider.load_private_key(PrivateKeyDer::Pkcs8(key.into()));
        assert!(refused.unwrap_err().to_string().contains("client certificates are not supported"));
    }
}
