//! The kinds of errors, by concern, with their statuses and codes: one table.

use axum::http::StatusCode;

/// Makes [`ErrorKind`] of the table below, so that no kind is without its row.
macro_rules! error_kinds {
    ($($concern:literal: { $($(#[$doc:meta])* $kind:ident => $status:ident, $code:literal, $recommender:ident, $title:literal;)* })*) => {
        /// In which way a request fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorKind {
            $($($(#[$doc])* $kind,)*)*
        }

        impl ErrorKind {
            /// All kinds, each with its concern, in the order of the table.
            pub const ALL: &'static [(&'static str, Self)] = &[$($(($concern, Self::$kind),)*)*];

            /// The status of the answer, of all APIs but the recommender API.
            pub fn status(self) -> StatusCode {
                match self { $($(Self::$kind => StatusCode::$status,)*)* }
            }

            /// The word for programs in the answer.
            pub fn code(self) -> &'static str {
                match self { $($(Self::$kind => $code,)*)* }
            }

            /// The kind in a few words for people.
            pub fn title(self) -> &'static str {
                match self { $($(Self::$kind => $title,)*)* }
            }

            /// The status of the answer of the recommender API, which tells some kinds apart in its
            /// own way.
            pub fn recommender_status(self) -> StatusCode {
                match self { $($(Self::$kind => StatusCode::$recommender,)*)* }
            }
        }
    };
}

error_kinds! {
    "request": {
        /// A parameter or a value of a body is wrong.
        Invalid => BAD_REQUEST, "validation_error", BAD_REQUEST, "A value is wrong";
        /// The body cannot be read, or does not have the required form.
        BadRequest => BAD_REQUEST, "bad_request", BAD_REQUEST, "The body cannot be read";
        /// The body, or what it asks to be written, is over its limit.
        TooLarge => BAD_REQUEST, "bad_request", PAYLOAD_TOO_LARGE, "The body is too large";
        /// The resource, or what it is about, is missing, or the path leads nowhere.
        NotFound => NOT_FOUND, "not_found", NOT_FOUND, "There is nothing of this name";
        /// The path takes another method.
        MethodNotAllowed => METHOD_NOT_ALLOWED, "method_not_allowed", METHOD_NOT_ALLOWED, "The path takes another method";
        /// The body is encoded in a way that is not read.
        UnsupportedEncoding => UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE, "The encoding of the body is not read";
        /// The request took too long.
        Timeout => REQUEST_TIMEOUT, "request_timeout", REQUEST_TIMEOUT, "The request took too long";
    }
    "caller": {
        /// No source has the key of the message.
        UnknownSource => UNAUTHORIZED, "unknown_source", UNAUTHORIZED, "No source has this key";
        /// The caller is not authenticated.
        Unauthenticated => UNAUTHORIZED, "authentication_error", UNAUTHORIZED, "Nobody is signed in";
        /// The source is switched off.
        SourceDisabled => FORBIDDEN, "source_disabled", FORBIDDEN, "The source is switched off";
        /// The caller is known and may not.
        Forbidden => FORBIDDEN, "forbidden", FORBIDDEN, "The role does not allow this";
    }
    "configuration": {
        /// A resource of this name exists.
        AlreadyExists => CONFLICT, "already_exists", CONFLICT, "The name is taken";
        /// There are as many as there may be.
        TooMany => CONFLICT, "too_many", CONFLICT, "There are as many as there may be";
        /// Without it nobody could administer the installation.
        LastOwner => CONFLICT, "last_owner", CONFLICT, "An installation needs an owner";
        /// Another source, of any workspace, has this write key.
        WriteKeyTaken => CONFLICT, "write_key_taken", CONFLICT, "The write key is taken";
        /// Requests still use the workspace, or another resource names the resource.
        InUse => CONFLICT, "in_use", CONFLICT, "It is in use";
        /// The resource is not as the caller expects.
        Changed => PRECONDITION_FAILED, "precondition_failed", CONFLICT, "Somebody has changed it since";
    }
    "catalog": {
        /// It would remove more than is confirmed.
        NotConfirmed => UNPROCESSABLE_ENTITY, "not_confirmed", UNPROCESSABLE_ENTITY, "It is not confirmed";
        /// The file of an import is wrong, or what it would do is not confirmed.
        ImportRefused => UNPROCESSABLE_ENTITY, "import_refused", UNPROCESSABLE_ENTITY, "The file was not imported";
    }
    "training": {
        /// Another training run goes on.
        TrainingUnderWay => CONFLICT, "training_under_way", CONFLICT, "A training run goes on";
        /// There is nothing to learn from.
        NoInteractions => CONFLICT, "no_interactions", CONFLICT, "There is nothing to learn from";
    }
    "jobs": {
        /// The job has not ended.
        JobUnderWay => CONFLICT, "job_under_way", CONFLICT, "The job has not ended";
    }
    "recommendation": {
        /// Another server continued the recommendation at the same time.
        ContinuedElsewhere => CONFLICT, "continued_elsewhere", CONFLICT, "The recommendation was continued elsewhere";
        /// The answer is over what one request may cost.
        AnswerTooLarge => PAYLOAD_TOO_LARGE, "answer_too_large", PAYLOAD_TOO_LARGE, "The answer is too large";
    }
    "load": {
        /// Too much at once: come back soon.
        TooManyRequests => TOO_MANY_REQUESTS, "too_many_requests", TOO_MANY_REQUESTS, "Too much at once";
        /// Not at the moment: come back later.
        Unavailable => SERVICE_UNAVAILABLE, "unavailable", SERVICE_UNAVAILABLE, "Not at the moment";
    }
    "server": {
        /// A defect, or data that is damaged.
        Internal => INTERNAL_SERVER_ERROR, "internal", INTERNAL_SERVER_ERROR, "Something went wrong in the server";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_status_and_code() {
        let row = |(concern, kind): &(&str, ErrorKind)| {
            let (status, recommender) =
                (kind.status().as_u16(), kind.recommender_status().as_u16());
            format!(
                "{concern:14} {kind:?}: {status} {}; recommender API: {recommender}",
                kind.code()
            )
        };
        let rows: Vec<String> = ErrorKind::ALL.iter().map(row).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }
}
