//! A library that wants a path or a file of its own to write to, here `parquet`: `File::stage` gives one.

use std::sync::Arc;

use datlake::{File, Lake, Result, file_creator};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RowAccessor as _;
use parquet::schema::parser::parse_message_type;

/// Errors of the library become those of a body.
fn parquet_error(error: ParquetError) -> datlake::Error {
    std::io::Error::other(error).into()
}

/// Dates and rain as two columns.
#[file_creator]
fn to_parquet(weather: &File) -> Result<File> {
    let text = weather.read_to_string()?;
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        Some((ByteArray::from(fields.next()?), fields.next()?.parse::<f64>().ok()?))
    });
    let (dates, rain): (Vec<ByteArray>, Vec<f64>) = rows.unzip();

    let staged = File::stage("rain.parquet")?; // nothing is there yet; it ends in this name, for libraries look at that
    let write = || -> Result<(), ParquetError> {
        let schema = parse_message_type("message day { required binary date (UTF8); required double rain; }")?;
        let file = std::fs::File::create(&staged)?;
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(WriterProperties::default()))?;
        let mut group = writer.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            column.typed::<ByteArrayType>().write_batch(&dates, None, None)?;
            column.close()?;
        }
        if let Some(mut column) = group.next_column()? {
            column.typed::<DoubleType>().write_batch(&rain, None, None)?;
            column.close()?;
        }
        group.close()?;
        writer.close()?;
        Ok(())
    };
    write().map_err(parquet_error)?;
    staged.finish() // takes what is there, hashed; published when the function returns Ok
}

/// The wettest day. `File::path` is for reading what `File::stage` is for writing.
#[file_creator]
fn wettest(table: &File) -> Result<(String, f64)> {
    let file = std::fs::File::open(table.path()?)?;
    let read = || -> Result<(String, f64), ParquetError> {
        let mut wettest = (String::new(), 0.0);
        for row in SerializedFileReader::new(file)?.get_row_iter(None)? {
            let row = row?;
            if row.get_double(1)? > wettest.1 {
                wettest = (row.get_string(0)?.clone(), row.get_double(1)?);
            }
        }
        Ok(wettest)
    };
    read().map_err(parquet_error)
}

fn main() -> Result<()> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/seattle-weather.csv");
    let weather = Lake::current()?.add_path("weather/seattle-weather.csv", data)?;

    let table = to_parquet(&weather)?;
    let (date, rain) = wettest(&table)?;
    println!("{} has {} bytes of {}", table.name(), table.len(), weather.len());
    println!("the wettest day: {date}, {rain} mm");
    assert_eq!((date.as_str(), rain), ("2015/03/15", 55.9));
    Ok(())
}
