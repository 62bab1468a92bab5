//! The model that the crate brings along.

#![forbid(unsafe_code)]

use crate::Model;

/// The bytes of the model file of [`job_titles`].
pub const JOB_TITLES: &[u8] = include_bytes!("../models/job-titles/job-titles.paring");

/// A model that tells the group of occupations of a job title: one of the 23 major groups of the 2018 Standard
/// Occupational Classification. Its card is `models/job-titles/README.md`.
///
/// It was trained on the O*NET 27.0 Database by the U.S. Department of Labor, Employment and Training Administration,
/// used under the CC BY 4.0 licence.
///
/// ```
/// let classifier = paring::builtin::job_titles().into_classifier();
/// assert_eq!(classifier.classify("Senior Registered Nurse"), "Healthcare Practitioners and Technical");
/// ```
pub fn job_titles() -> Model {
    Model::from_bytes(JOB_TITLES).expect("the model in the crate is whole: a test loads it")
}
