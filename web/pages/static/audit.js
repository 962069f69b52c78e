// The days of the filter begin at midnight here, as the times are shown.

document.getElementById("utc-offset").value = -new Date().getTimezoneOffset();
