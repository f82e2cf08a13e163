//! Reading the `EndPoint` of an answer: a host of OSS, in one of its forms.

/// The host browsers can reach: an `-internal` endpoint answers only inside the vendor's network.
pub(crate) fn public_host(host: &str) -> String {
    host.replacen("-internal.aliyuncs.com", ".aliyuncs.com", 1)
}

/// The region id that V4 signatures want, read off an endpoint host; none for accelerated and custom hosts.
/// <https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints>
pub(crate) fn region_of(host: &str) -> Option<String> {
    let label = host.strip_suffix(".aliyuncs.com")?;
    let region = match label.strip_suffix(".oss") {
        Some(region) => region, // dual stack
        None if label == "oss" => "cn-hangzhou",
        None => label.strip_prefix("oss-")?,
    };
    let (country, place) = region.split_once('-')?;
    let plain = country.len() == 2 && !place.is_empty() && !place.contains('.');
    // Finance and government endpoints look like regions and are not: theirs is a setting.
    (plain && !place.starts_with("hzjbp") && !place.starts_with("hzfinance")).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_come_from_endpoints_that_have_one() {
        for (host, region) in [
            ("oss-ap-southeast-1.aliyuncs.com", Some("ap-southeast-1")),
            ("cn-hangzhou.oss.aliyuncs.com", Some("cn-hangzhou")),
            ("oss.aliyuncs.com", Some("cn-hangzhou")),
            ("oss-accelerate.aliyuncs.com", None),
            ("oss-accelerate-overseas.aliyuncs.com", None),
            ("oss-cn-hzjbp-b.aliyuncs.com", None),
            ("files.example.com", None),
        ] {
            assert_eq!(region_of(host).as_deref(), region, "{host}");
        }
        assert_eq!(public_host("oss-cn-hangzhou-internal.aliyuncs.com"), "oss-cn-hangzhou.aliyuncs.com");
    }
}
