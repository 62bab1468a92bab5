//! The smooth losses of a text.

/// A loss of the softmax probability `p` of a text's own class, taken with the class's score lowered by
/// `margin`: psi(p) = (1 - p^q) / q, which is the negative log-likelihood for q = 0.
///
/// The family in q is the generalised cross entropy of Zhang and Sabuncu (2018); the margin is that of
/// softmax-margin (Gimpel and Smith, "Softmax-margin CRFs", 2010) with a cost of `margin` for every error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Loss {
    pub q: f32,
    pub margin: f32,
}

impl Loss {
    /// The loss at the negative log-likelihood `u`.
    pub(super) fn of(self, u: f32) -> f64 {
        if self.q == 0.0 {
            f64::from(u)
        } else {
            (1.0 - f64::from(libm::expf(-self.q * u))) / f64::from(self.q)
        }
    }
}
