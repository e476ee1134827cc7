//! Uploads in parts that nobody completes, and what is left of those that have ended: looked for by every server, whoever began them.

use std::future::Future;
use std::time::Duration;

use datlake::Result;

use super::parts::Parts;
use crate::app::App;
use crate::database::failed;

/// So long it is kept what an upload became.
const REMEMBERED: i64 = Parts::EXPIRES;
/// How often is looked.
const LOOK: Duration = Duration::from_secs(600);
/// So many uploads are cleared by one look.
const AT_ONCE: i64 = 100;

/// Ends uploads that have expired, and clears those that have ended, as long as the server runs.
pub(crate) fn end_uploads(app: &App) -> impl Future<Output = ()> + Send + use<> {
    let (parts, folder) = (Parts::new(app.lake(), app.database()), app.folder().join("uploads"));
    async move {
        // Parts were kept there by earlier versions.
        let _ = tokio::fs::remove_dir_all(folder).await;
        loop {
            match parts.end_expired().await {
                Ok(0) => {}
                Ok(expired) => tracing::info!(expired, "uploads in parts were completed by nobody within a week"),
                Err(error) => tracing::warn!(%error, "uploads in parts that have ended could not be cleared"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Parts {
    /// Ends what has expired, clears what has ended, and forgets what ended long ago: how many have expired.
    pub(super) async fn end_expired(&self) -> Result<u64> {
        let now = self.now().await?;
        let sql = "UPDATE uploads SET ended_at = $1 WHERE ended_at IS NULL AND begun_at < $2";
        let expired = sqlx::query(sql).bind(now).bind(now.saturating_sub(Self::EXPIRES));
        let expired = self.database().write(expired).await?;
        let sql = "SELECT DISTINCT uploads.id FROM uploads JOIN upload_parts ON upload_parts.upload = uploads.id WHERE uploads.ended_at IS NOT NULL AND (upload_parts.kept_at IS NOT NULL OR upload_parts.begun_at < $1) LIMIT $2";
        let ended = sqlx::query_as::<_, (String,)>(sql).bind(now.saturating_sub(Self::ON_ITS_WAY)).bind(AT_ONCE);
        for (upload,) in ended.fetch_all(self.database().pool()).await.map_err(|e| failed("read", e))? {
            self.clear(&upload).await?;
        }
        let sql = "DELETE FROM uploads WHERE ended_at < $1 AND NOT EXISTS (SELECT 1 FROM upload_parts WHERE upload_parts.upload = uploads.id)";
        self.database().write(sqlx::query(sql).bind(now.saturating_sub(REMEMBERED))).await?;
        Ok(expired)
    }
}
