//! Catalogs of locations: which there are, what is in them, and files that take their place.

use std::collections::BTreeMap;

use catalog::import::parse_type;
use catalog::{Format, ImportOptions, ImportReport, LocationCatalog, Near, Point};
use domain::{CatalogSettings, Column, Timestamp, WorkspaceConfig, check_catalog_name};
use engine::{Engine, LocationsError};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::parameters::count;
use web::workspaces::RequestedWorkspace;

use crate::catalog::import_error;
use crate::unknown_resource;

/// The locations of a page unless told otherwise, and the most.
const LOCATIONS_DEFAULT: usize = 50;
const LOCATIONS_PER_PAGE_MAX: usize = 200;
/// The largest distance that can be asked for: half around the earth, in kilometres.
const WITHIN_KM_MAX: f64 = 20_038.0;

/// A catalog of locations.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LocationCatalogReport {
    /// The name.
    pub name: String,
    /// When its file was put in force.
    pub activated_at: Option<Timestamp>,
    /// The number of locations.
    pub n_locations: u64,
    /// The columns, with latitude and longitude.
    pub columns: Vec<Column>,
    /// The property of items that holds ids of its locations, by the settings of the workspace.
    pub item_property: Option<String>,
}

/// A location.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Location {
    /// The id.
    pub location_id: String,
    /// The distance from the point that was asked for, in kilometres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub km: Option<f64>,
    /// The values by column, with latitude and longitude.
    pub values: BTreeMap<String, serde_json::Value>,
}

/// A catalog with some of its locations.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LocationPage {
    /// The catalog.
    #[serde(flatten)]
    pub catalog: LocationCatalogReport,
    /// The number of locations that were asked for, on this page and on others.
    pub n_found: u64,
    /// The locations of this page, in the order of the file, or the nearest first.
    pub locations: Vec<Location>,
}

/// Which locations are asked for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LocationQuery {
    /// How many come before the page.
    pub offset: usize,
    /// How many the page has, 1 to 200.
    pub count: Option<usize>,
    /// Only those near a point: its latitude in degrees.
    pub latitude: Option<f64>,
    /// Its longitude in degrees.
    pub longitude: Option<f64>,
    /// The distance from it, in kilometres.
    pub within_km: Option<f64>,
}

/// The options of an import of locations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LocationOptions {
    /// Declared types, each `COLUMN=TYPE`.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// Leaves wrong rows out.
    pub skip_invalid: bool,
    /// Imports cells that do not fit the type of their column as empty.
    pub allow_bad_cells: bool,
    /// Only says whether the file would be taken.
    pub dry_run: bool,
}

/// What an import of locations has done, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ImportedLocations {
    /// The rows of the file.
    pub report: ImportReport,
    /// The number of locations before.
    pub n_before: u64,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// The catalogs of locations.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<LocationCatalogReport>, ApiError> {
    let list = |engine: &Engine| {
        let views = engine.snapshot();
        let settings = &views.setup.config.catalog;
        Ok(views.locations.catalogs().map(|catalog| report(catalog, settings)).collect())
    };
    workspace.run(list).await
}

/// A catalog with a page of its locations.
///
/// # Errors
/// 404 where there is none of the name; 400 for a wrong place.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
    query: LocationQuery,
) -> Result<LocationPage, ApiError> {
    let n = count("count", query.count, LOCATIONS_DEFAULT, LOCATIONS_PER_PAGE_MAX)?;
    let near = asked_place(&query)?;
    let read = move |engine: &Engine| {
        let views = engine.snapshot();
        let Some(catalog) = views.locations.catalog(&name) else {
            let names: Vec<&str> = views.locations.catalogs().map(LocationCatalog::name).collect();
            return Err(unknown_resource("catalog of locations", &name, &names));
        };
        let found: Vec<(&str, Option<f64>)> = match near {
            Some((point, km)) => {
                let near = catalog.within(point, km).into_iter();
                near.map(|Near { location_id, km }| (location_id, Some(km))).collect()
            }
            None => catalog.ids().iter().map(|id| (id.as_str(), None)).collect(),
        };
        let shown = found.iter().skip(query.offset).take(n);
        Ok(LocationPage {
            catalog: report(catalog, &views.setup.config.catalog),
            n_found: found.len() as u64,
            locations: shown.map(|(id, km)| location(catalog, id, *km)).collect(),
        })
    };
    workspace.run(read).await
}

/// Makes a file a catalog of locations, whole or not at all.
///
/// # Errors
/// 400 for a wrong name or options; 422, with the report, if the file is wrong.
pub async fn put(
    workspace: &RequestedWorkspace,
    name: String,
    file: impl AsRef<[u8]> + Send + 'static,
    format: Format,
    options: LocationOptions,
) -> Result<ImportedLocations, ApiError> {
    check_catalog_name(&name).map_err(ApiError::invalid)?;
    let import = move |engine: &Engine| put_file(engine, &name, file.as_ref(), format, &options);
    workspace.run(import).await
}

fn put_file(
    engine: &Engine,
    name: &str,
    file: &[u8],
    format: Format,
    options: &LocationOptions,
) -> Result<ImportedLocations, ApiError> {
    if format == Format::GoogleMerchant {
        return Err(ApiError::invalid("locations come as CSV or JSON Lines"));
    }
    let types = options.types.iter().map(|text| parse_type(text)).collect::<Result<_, _>>();
    let read_options = ImportOptions {
        types: types.map_err(|what| ApiError::invalid(format!("query parameter type: {what}")))?,
        skip_invalid: options.skip_invalid,
        allow_bad_cells: options.allow_bad_cells,
        ..ImportOptions::default()
    };
    let read = engine.read_locations(name, file, format, read_options);
    let (file, report) = read.map_err(import_error)?;
    let n_before = {
        let views = engine.snapshot();
        views.locations.catalog(name).map_or(0, LocationCatalog::n_locations) as u64
    };
    if !options.dry_run {
        engine.import_locations(name, file, &|_, _| Ok(())).map_err(change_error)?;
    }
    Ok(ImportedLocations { report, n_before, dry_run: options.dry_run })
}

/// Removes a catalog of locations.
///
/// # Errors
/// 404 where there is none of the name; 400 where a scenario names it.
pub async fn delete(workspace: &RequestedWorkspace, name: String) -> Result<(), ApiError> {
    let remove = move |engine: &Engine| {
        check_unnamed(&engine.config(), &name)?;
        engine.remove_locations(&name).map_err(change_error)
    };
    workspace.run(remove).await
}

/// Refuses to lose a catalog of locations by which a scenario finds what is near.
pub(crate) fn check_unnamed(config: &WorkspaceConfig, catalog: &str) -> Result<(), ApiError> {
    match config.scenarios.iter().find(|scenario| scenario.names_locations(catalog)) {
        None => Ok(()),
        Some(by) => Err(ApiError::invalid(format!(
            "the scenario {:?} lists what is near by the locations {catalog:?}: change that first",
            by.name
        ))),
    }
}

fn change_error(error: LocationsError) -> ApiError {
    match error {
        LocationsError::Refused(refusal) => refusal.into(),
        LocationsError::Submit(error) => error.into(),
        LocationsError::Cancelled(_) => ApiError::unavailable(error.to_string()),
    }
}

/// The point and the distance that are asked for; none where neither is.
fn asked_place(query: &LocationQuery) -> Result<Option<(Point, f64)>, ApiError> {
    let (latitude, longitude, km) = match (query.latitude, query.longitude, query.within_km) {
        (None, None, None) => return Ok(None),
        (Some(latitude), Some(longitude), Some(km)) => (latitude, longitude, km),
        _ => {
            let what = "latitude, longitude and within_km belong together: give all three or none";
            return Err(ApiError::invalid(what).of_parameter("within_km"));
        }
    };
    let ranges = [
        ("latitude", latitude, -90.0..=90.0),
        ("longitude", longitude, -180.0..=180.0),
        ("within_km", km, 0.0..=WITHIN_KM_MAX),
    ];
    for (name, given, range) in ranges {
        if !range.contains(&given) {
            let (from, to) = (range.start(), range.end());
            let what = format!("{name} is {given}, it must be from {from} to {to}");
            return Err(ApiError::invalid(what).of_parameter(name));
        }
    }
    Ok(Some((Point { latitude, longitude }, km)))
}

fn report(catalog: &LocationCatalog, settings: &CatalogSettings) -> LocationCatalogReport {
    let column = |property: &catalog::Property| Column {
        name: property.name.clone(),
        type_: property.type_,
    };
    LocationCatalogReport {
        name: catalog.name().to_owned(),
        activated_at: catalog.activated_at(),
        n_locations: catalog.n_locations() as u64,
        columns: catalog.columns().map(column).collect(),
        item_property: settings.location_property.get(catalog.name()).cloned(),
    }
}

fn location(catalog: &LocationCatalog, id: &str, km: Option<f64>) -> Location {
    let values = catalog.values(id).into_iter().flatten();
    let values = values.map(|(name, value)| (name.to_owned(), value.to_json())).collect();
    Location { location_id: id.to_owned(), km, values }
}
