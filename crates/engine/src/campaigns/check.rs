//! Checks of campaigns that need the languages of templates and of conditions.

use conditions::EventMatch;
use std::collections::BTreeMap;

use domain::{Campaign, CampaignStart, WorkspaceConfig};
use templates::{LinkedCall, Template};

use super::content::form_of;
use super::in_app;

/// Checks the templates of campaigns and the tests of their events.
///
/// # Errors
/// A sentence that names the campaign, the place and the mistake.
pub(crate) fn check_campaigns(config: &WorkspaceConfig) -> Result<(), String> {
    let check = |campaign: &Campaign| {
        let checked = check_events(campaign)
            .and_then(|()| check_content(config, &campaign.content))
            .and_then(|()| check_variants(config, campaign))
            .and_then(|()| in_app::check_content(config, campaign));
        checked.map_err(|what| format!("campaign {:?}: {what}", campaign.key))
    };
    config.campaigns.iter().try_for_each(check)
}

fn check_events(campaign: &Campaign) -> Result<(), String> {
    if let Some(conversion) = &campaign.conversion {
        EventMatch::parse(&conversion.event, conversion.filters.as_deref())
            .map_err(|error| format!("conversion.where: {error}"))?;
    }
    let (event, filters, unless) = match &campaign.start {
        CampaignStart::Event { event, filters, unless, .. } => (event, filters, unless.as_ref()),
        CampaignStart::BusinessEvent { event, filters, .. } => (event, filters, None),
        _ => return Ok(()),
    };
    EventMatch::parse(event, filters.as_deref())
        .map_err(|error| format!("start.where: {error}"))?;
    if let Some(unless) = unless {
        EventMatch::parse(&unless.event, unless.filters.as_deref())
            .map_err(|error| format!("start.unless.where: {error}"))?;
    }
    Ok(())
}

fn check_variants(config: &WorkspaceConfig, campaign: &Campaign) -> Result<(), String> {
    for variant in &campaign.variants {
        let in_variant = |what: String| format!("variant {:?}: {what}", variant.key);
        if let Some(when) = &variant.when {
            EventMatch::parse("", Some(when))
                .map_err(|error| in_variant(format!("when: {error}")))?;
        }
        let mut names = variant.recommend.values();
        if let Some(name) = names.find(|name| config.trait_definition(name).is_none()) {
            let what = format!("recommend: there is no recommended-items trait {name:?}");
            return Err(in_variant(what));
        }
        check_content(config, &variant.content).map_err(in_variant)?;
    }
    Ok(())
}

fn check_content(
    config: &WorkspaceConfig,
    content: &BTreeMap<String, String>,
) -> Result<(), String> {
    for (field, text) in content {
        let in_field = |what: String| format!("content.{field}: {what}");
        let template = Template::parse(text, form_of(field));
        let template = template.map_err(|error| in_field(error.to_string()))?;
        for asked in template.recommendations() {
            if config.trait_definition(&asked.definition).is_none() {
                let (name, place) = (asked.definition, asked.place);
                let what = format!(
                    "{place}: there is no recommended-items trait {name:?}: define it first, or \
                     name another"
                );
                return Err(in_field(what));
            }
        }
        for (name, place) in template.items() {
            let checked = config.catalog.check_product_catalog(&name);
            if name != domain::ITEMS_CATALOG
                && let Err(what) = checked
            {
                return Err(in_field(format!("{place}: {what}")));
            }
        }
        for call in template.linked() {
            check_linked(config, &call)
                .map_err(|what| in_field(format!("{}: {what}", call.place)))?;
        }
        let asks_for = |url: &&str| template.variables().contains(*url);
        if let Some(url) = ["preferences_url", "unsubscribe_url"].into_iter().find(asks_for)
            && config.public_url.is_none()
        {
            let what = "needs public_url in the settings of the workspace: the address of this \
                        server for the people who get messages";
            return Err(in_field(format!("{url} {what}")));
        }
    }
    Ok(())
}

fn check_linked(config: &WorkspaceConfig, call: &LinkedCall) -> Result<(), String> {
    let LinkedCall { name, parameters, .. } = call;
    let Some(content) = config.linked_content(name) else {
        return Err(format!("there is no linked content {name:?}"));
    };
    let known = content.parameters();
    if let Some(missing) = known.iter().find(|one| !parameters.iter().any(|given| given == **one)) {
        return Err(format!("linked {name:?} needs {missing}: and a value"));
    }
    match parameters.iter().find(|given| !known.contains(given.as_str())) {
        Some(unknown) => {
            Err(format!("the address of linked content {name:?} has no {{{unknown}}}"))
        }
        None => Ok(()),
    }
}
