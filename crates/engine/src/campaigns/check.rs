//! Checks of campaigns that need the languages of templates and of conditions.

use conditions::EventMatch;
use domain::{Campaign, CampaignStart, WorkspaceConfig};
use templates::Template;

use super::content::form_of;
use super::in_app;

/// Checks the templates of campaigns and the tests of their events.
///
/// # Errors
/// A sentence that names the campaign, the place and the mistake.
pub(crate) fn check_campaigns(config: &WorkspaceConfig) -> Result<(), String> {
    let check = |campaign: &Campaign| {
        let checked = check_events(campaign)
            .and_then(|()| check_content(config, campaign))
            .and_then(|()| in_app::check_content(config, campaign));
        checked.map_err(|what| format!("campaign {:?}: {what}", campaign.key))
    };
    config.campaigns.iter().try_for_each(check)
}

fn check_events(campaign: &Campaign) -> Result<(), String> {
    let CampaignStart::Event { event, filters, unless, .. } = &campaign.start else {
        return Ok(());
    };
    EventMatch::parse(event, filters.as_deref())
        .map_err(|error| format!("start.where: {error}"))?;
    if let Some(unless) = unless {
        EventMatch::parse(&unless.event, unless.filters.as_deref())
            .map_err(|error| format!("start.unless.where: {error}"))?;
    }
    Ok(())
}

fn check_content(config: &WorkspaceConfig, campaign: &Campaign) -> Result<(), String> {
    for (field, text) in &campaign.content {
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
        if let Some((name, place)) = template.linked().into_iter().next() {
            return Err(in_field(format!("{place}: there is no linked content {name:?}")));
        }
    }
    Ok(())
}
